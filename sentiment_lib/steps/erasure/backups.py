"""Backups that still hold what was forgotten, with the day on which each expires."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.settings import Settings
from sentiment_lib.storage import backups

#: Newest backups that a receipt lists.
MOST = 1000


def listed(connection: Connection, settings: Settings) -> list[dict[str, Any]]:
    """Name, moment and expiry of each backup, newest first, without those that are gone by now.

    The newest ones expire when there are newer ones, if that is later.
    """
    kept, now = settings.policy.retention.backups, clock.now()
    return [
        {
            "name": backup.name,
            "as_of": backup.as_of.astimezone(UTC),
            "expires_at": (backup.as_of + kept).astimezone(UTC),
        }
        for backup in backups.newest(connection, MOST)
        if backup.as_of + kept > now or (settings.backups / backup.name).exists()
    ]
