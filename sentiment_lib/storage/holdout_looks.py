"""Every use of a holdout, counted in the ledger: the gate's error budget is spent by looking."""

from __future__ import annotations

from sqlalchemy import Connection

from sentiment_lib.evaluation.alpha_spending import looks_that_count
from sentiment_lib.policy import GatePolicy
from sentiment_lib.storage import ledger
from sentiment_lib.storage.engine import lock


def take(
    connection: Connection, *, policy: GatePolicy, snapshot_id: int, candidate: int, champion: int, requested_by: str
) -> int:
    """Write down one look and give how many that count came before it; the same request has one look only."""
    lock(connection, "ledger")
    request = {
        "snapshot_id": snapshot_id,
        "candidate_version": candidate,
        "champion_version": champion,
        "requested_by": requested_by,
    }
    history = []
    for entry in ledger.entries(connection, ("look",)):
        facts = entry.facts()
        if facts == request:
            mine = entry
            break
        history.append((int(facts["champion_version"]), entry.recorded_at))
    else:
        mine = ledger.append(connection, "look", request)
    return looks_that_count(history, champion_version=champion, at=mine.recorded_at, policy=policy)
