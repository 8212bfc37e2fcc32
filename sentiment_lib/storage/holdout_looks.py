"""Every use of a holdout, counted in the ledger: the gate's error budget is spent by looking."""

from __future__ import annotations

from sqlalchemy import Connection

from sentiment_lib.evaluation.alpha_spending import count_looks
from sentiment_lib.policy import GatePolicy
from sentiment_lib.records import EvaluationRequest
from sentiment_lib.storage import ledger
from sentiment_lib.storage.engine import lock


def take(connection: Connection, request: EvaluationRequest, policy: GatePolicy) -> int:
    """Record one holdout look, and return how many that count came before it; a repeated request takes no second."""
    lock(connection, "ledger")
    look = {
        "snapshot_id": request.snapshot_id,
        "candidate_version": request.candidate,
        "champion_version": request.champion,
        "requested_by": request.requested_by,
    }
    history = []
    for entry in ledger.entries(connection, ("look",)):
        facts = entry.facts()
        if facts == look:
            mine = entry
            break
        history.append((int(facts["champion_version"]), entry.recorded_at))
    else:
        mine = ledger.append(connection, "look", look)
    return count_looks(history, champion_version=request.champion, at=mine.recorded_at, policy=policy)
