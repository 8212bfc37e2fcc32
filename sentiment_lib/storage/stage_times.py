"""When each stage of the loop last produced something."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

# each query reads a short table or the end of an index, so the cost does not grow with the number of tweets
STAGES = {
    "ingest": "SELECT finished_at FROM ingests WHERE finished_at IS NOT NULL ORDER BY ingest_id DESC LIMIT 1",
    "score": "SELECT max(predicted_at) FROM predictions WHERE model_version = :version",
    "check drift": "SELECT created_at FROM drift_reports ORDER BY report_id DESC LIMIT 1",
    "snapshot": "SELECT created_at FROM snapshots ORDER BY snapshot_id DESC LIMIT 1",
    "train": "SELECT created_at FROM model_versions ORDER BY version DESC LIMIT 1",
    "decide": "SELECT decided_at FROM decisions ORDER BY decision_id DESC LIMIT 1",
}


@dataclass(frozen=True, kw_only=True)
class StageTime:
    """A stage and the time of its newest result; None before the first."""

    stage: str
    at: datetime | None


def stage_times(connection: Connection, champion: int | None) -> list[StageTime]:
    """Every stage in the order of the loop; scoring is that of the champion's version."""
    return [
        StageTime(stage=stage, at=connection.execute(text(query), {"version": champion}).scalar())
        for stage, query in STAGES.items()
    ]
