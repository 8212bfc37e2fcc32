"""Looks at the holdout, recorded in the ledger: each spends part of the gate's error budget.

Metrics of a candidate on the holdout are published after its look. Versions of earlier releases published theirs when
they were trained (model card, MLflow): such a version that was never evaluated counts as one more candidate of the next
look, since evaluating the best of twenty model cards is selection among twenty candidates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from sentiment_lib.evaluation import look_budget
from sentiment_lib.evaluation.alpha_spending import count_looks
from sentiment_lib.evaluation.look_budget import LookBudget
from sentiment_lib.policy import GatePolicy
from sentiment_lib.records import EvaluationRequest
from sentiment_lib.storage import ledger
from sentiment_lib.storage.engine import lock

#: Key of a ledger row of kind "training": its holdout metrics wait for the look.
HIDDEN = "holdout_hidden"
#: Keys of a ledger row of kind "look" that identify its request.
REQUEST = ("snapshot_id", "candidate_version", "champion_version", "requested_by")
NEW_ROWS = text(
    """
    SELECT count(*) FROM snapshot_rows r
    WHERE r.snapshot_id = :snapshot AND r.part = 'holdout'
      AND NOT EXISTS (SELECT FROM snapshot_rows o WHERE o.tweet_id = r.tweet_id AND o.part = 'holdout'
                                                    AND o.snapshot_id = ANY(:looked_at))
    """
)


@dataclass(frozen=True, kw_only=True)
class Look:
    """A recorded look: the number of earlier ones that count with it, and what it may spend (None before method 3)."""

    looks_before: int
    budget: LookBudget | None


@dataclass(frozen=True, kw_only=True)
class LookedAt:
    """The snapshot of a look."""

    created_at: datetime
    holdout_rows: int


def last_snapshot(connection: Connection) -> LookedAt | None:
    """The snapshot of the newest look; None before the first look."""
    newest = ledger.find_genuine(connection, "look", {})
    if newest is None:
        return None
    query = text("SELECT created_at, holdout_rows FROM snapshots WHERE snapshot_id = :id")
    row = connection.execute(query, {"id": newest.facts()["snapshot_id"]}).mappings().one_or_none()
    return LookedAt(**row) if row else None


def take(connection: Connection, request: EvaluationRequest, policy: GatePolicy, *, at: datetime | None = None) -> Look:
    """Record a holdout look; a repeated request reuses its look.

    Candidates of one request on one holdout share a look, up to `request.candidates` of them; a further one begins
    another look. at: the time of the look, now by default.
    """
    lock(connection, "ledger")
    identity = {
        "snapshot_id": request.snapshot_id,
        "candidate_version": request.candidate,
        "champion_version": request.champion,
        "requested_by": request.requested_by,
    }
    earlier: list[tuple[Mapping[str, Any], datetime]] = []
    published: set[int] = set()
    for entry in ledger.genuine_entries(connection, ("look", "training")):
        facts = entry.facts()
        if entry.kind == "training":
            if facts["snapshot_id"] is not None and not facts.get(HIDDEN):
                published.add(int(facts["version"]))
            continue
        if {key: facts[key] for key in REQUEST} == identity and "budget" in facts:
            return _look(facts)
        earlier.append((facts, entry.recorded_at))
        published.discard(int(facts["candidate_version"]))
    shared = _shared(earlier, request)
    if shared is None:
        published.discard(request.candidate)
        facts = _new_look(connection, request, earlier, published=len(published), policy=policy, at=at)
    else:
        facts = {key: shared[key] for key in ("budget", "unspent_rows", "looks_before")} | {"first": False}
    ledger.append(connection, "look", {**identity, **facts})
    return _look(facts)


def _look(facts: Mapping[str, Any]) -> Look:
    return Look(looks_before=facts["looks_before"], budget=LookBudget(**facts["budget"]))


def _shared(earlier: list[tuple[Mapping[str, Any], datetime]], request: EvaluationRequest) -> Mapping[str, Any] | None:
    """The look that other candidates of this request took; None without one, or when it has no room."""
    group = [
        facts
        for facts, _ in earlier
        if (facts["snapshot_id"], facts["champion_version"], facts["requested_by"])
        == (request.snapshot_id, request.champion, request.requested_by)
        and "budget" in facts
    ]
    begun = next((place for place in range(len(group) - 1, -1, -1) if group[place]["first"]), None)
    if begun is None or len(group) - begun >= group[begun]["room"]:
        return None
    return group[begun]


def _new_look(
    connection: Connection,
    request: EvaluationRequest,
    earlier: list[tuple[Mapping[str, Any], datetime]],
    *,
    published: int,
    policy: GatePolicy,
    at: datetime | None,
) -> dict[str, Any]:
    now: datetime = at or connection.execute(text("SELECT now()")).scalar_one()
    since = now - policy.budget_period
    parameters = {
        "snapshot": request.snapshot_id,
        "looked_at": sorted({int(facts["snapshot_id"]) for facts, _ in earlier}),
    }
    new = int(connection.execute(NEW_ROWS, parameters).scalar_one())
    firsts = [(facts, at) for facts, at in earlier if facts.get("first", True)]
    carried = next((int(facts["unspent_rows"]) for facts, _ in reversed(firsts) if "budget" in facts), 0)
    spent = look_budget.rows_to_spend(carried + new)
    budget = LookBudget(
        candidates=max(request.candidates, 1) + published,
        new_rows=new,
        spent_rows=spent,
        champion_rows=_spent(
            [facts for facts, _ in firsts if int(facts["champion_version"]) == request.champion], policy
        ),
        period_rows=_spent([facts for facts, at in firsts if at > since], policy),
    )
    return {
        "budget": asdict(budget),
        "unspent_rows": max(carried + new - spent, 0),
        "looks_before": count_looks(
            [(int(facts["champion_version"]), at) for facts, at in firsts],
            champion_version=request.champion,
            at=now,
            policy=policy,
        ),
        "first": True,
        "room": max(request.candidates, 1),
    }


def _spent(looks: list[Mapping[str, Any]], policy: GatePolicy) -> int:
    """Rows that these looks spent; those of earlier releases, whose levels came from their number, as equivalents."""
    by_rows = [facts for facts in looks if "budget" in facts]
    return sum(int(facts["budget"]["spent_rows"]) for facts in by_rows) + look_budget.equivalent_rows(
        len(looks) - len(by_rows), policy
    )
