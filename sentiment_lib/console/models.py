"""The families beside each other, and each version with what it learned from and what it costs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from sentiment_lib.storage import model_versions

# the newest judgement of each version: on which holdout, and with which figures
LIST = text(
    """
    SELECT v.version, v.family, v.digest, v.snapshot_id, v.created_at, v.cost, d.decision_id, d.answer,
           (e.evidence::jsonb -> 'comparison' -> 'candidate') AS figures
    FROM model_versions v
    LEFT JOIN LATERAL (SELECT evaluation_id, evidence FROM evaluations
                       WHERE candidate_version = v.version ORDER BY evaluation_id DESC LIMIT 1) e ON true
    LEFT JOIN decisions d USING (evaluation_id)
    ORDER BY v.version DESC LIMIT 100
    """
)


def view(connection: Connection) -> dict[str, Any]:
    """Versions, the newest first, and which of them serves."""
    rows = [dict(row) for row in connection.execute(LIST).mappings()]
    champion = model_versions.champion(connection)
    return {"versions": rows, "champion": champion.version if champion else None}
