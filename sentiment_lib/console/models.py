"""Versions of all families, with what each was trained on and what it costs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from sentiment_lib.storage import model_versions


def view(connection: Connection) -> dict[str, Any]:
    """Versions, the newest first, and which of them is the champion."""
    champion = model_versions.champion(connection)
    return {
        "versions": model_versions.newest_versions(connection),
        "champion": champion.version if champion else None,
    }
