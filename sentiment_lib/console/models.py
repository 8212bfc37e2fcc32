"""Models page: every version with its snapshot, metrics and cost."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from sentiment_lib.storage import model_versions


def view(connection: Connection) -> dict[str, Any]:
    """The newest versions, newest first, and the champion's number."""
    champion = model_versions.champion(connection)
    return {
        "versions": model_versions.newest_versions(connection),
        "champion": champion.version if champion else None,
    }
