"""Looks at the holdout, counted in the ledger: each evaluation spends part of the gate's error budget.

A training publishes its metrics on the holdout (model card, MLflow), so a version that was trained and never evaluated
counts as a look too: evaluating the best of twenty model cards is selection among twenty looks.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from sentiment_lib.evaluation.alpha_spending import count_looks
from sentiment_lib.policy import GatePolicy
from sentiment_lib.records import EvaluationRequest
from sentiment_lib.storage import ledger
from sentiment_lib.storage.engine import lock


def take(connection: Connection, request: EvaluationRequest, policy: GatePolicy) -> int:
    """Record a holdout look and return the number of earlier looks; a repeated request reuses its look.

    Versions that were trained before and had no look by then count at the time of their training, against the champion
    of this look.
    """
    lock(connection, "ledger")
    look = {
        "snapshot_id": request.snapshot_id,
        "candidate_version": request.candidate,
        "champion_version": request.champion,
        "requested_by": request.requested_by,
    }
    history: list[tuple[int, datetime]] = []
    unseen: dict[int, datetime] = {}
    for entry in ledger.entries(connection, ("look", "training")):
        facts = entry.facts()
        if entry.kind == "training":
            if facts["snapshot_id"] is not None:
                unseen[int(facts["version"])] = entry.recorded_at
            continue
        if facts == look:
            mine = entry
            break
        history.append((int(facts["champion_version"]), entry.recorded_at))
        unseen.pop(int(facts["candidate_version"]), None)
    else:
        mine = ledger.append(connection, "look", look)
    history += [(request.champion, at) for version, at in unseen.items() if version != request.candidate]
    return count_looks(history, champion_version=request.champion, at=mine.recorded_at, policy=policy)
