"""Looks at the holdout, recorded in the ledger: each spends part of the gate's error budget.

Metrics of a candidate on the holdout are published after its look. Versions of earlier releases published theirs when
they were trained (model card, MLflow): such a version that was never evaluated counts as one more candidate of the next
look, since evaluating the best of twenty model cards is selection among twenty candidates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
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
#: Kind of the ledger row that says whether the candidate of a look was promising, once it was compared.
OUTCOME = "look_outcome"
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


#: Earlier snapshots that have a holdout row of this one.
SHARING = text(
    """
    SELECT DISTINCT o.snapshot_id FROM snapshot_rows r JOIN snapshot_rows o USING (tweet_id)
    WHERE r.snapshot_id = :snapshot AND r.part = 'holdout' AND o.part = 'holdout' AND o.snapshot_id = ANY(:looked_at)
    """
)
#: A version that an earlier look judged takes the level of so many: whoever tries one again because it looked good
#: on rows that both looks share chooses by what will judge it.
JUDGED_AGAIN = 2


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
    identity = _identity(request)
    earlier: list[tuple[Mapping[str, Any], datetime]] = []
    published: set[int] = set()
    promising: set[tuple[Any, ...]] = set()
    for entry in ledger.genuine_entries(connection, ("look", "training", OUTCOME)):
        facts = entry.facts()
        if entry.kind == OUTCOME:
            if facts["promising"]:
                promising.add(tuple(facts[key] for key in REQUEST))
            continue
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
        facts = _new_look(connection, request, earlier, promising, published=len(published), policy=policy, at=at)
    else:
        facts = {key: shared[key] for key in ("budget", "unspent_rows", "looks_before")} | {"first": False}
    ledger.append(connection, "look", {**identity, **facts})
    return _look(facts)


def record_outcome(connection: Connection, request: EvaluationRequest, *, p_value: float, policy: GatePolicy) -> None:
    """Record whether the candidate of a look was promising: later looks depend on it (`look_budget`).

    p_value: the largest of what the candidate had to show (`Comparison.p_value`). A look without its outcome counts as
    one whose candidate was not promising.
    """
    promising = look_budget.is_promising(p_value, policy)
    ledger.append(connection, OUTCOME, {**_identity(request), "p_value": p_value, "promising": promising})


def _identity(request: EvaluationRequest) -> dict[str, Any]:
    """The facts REQUEST of a request."""
    return {
        "snapshot_id": request.snapshot_id,
        "candidate_version": request.candidate,
        "champion_version": request.champion,
        "requested_by": request.requested_by,
    }


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
    promising: set[tuple[Any, ...]],
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
    of_champion = [facts for facts, _ in firsts if int(facts["champion_version"]) == request.champion]
    of_period = [facts for facts, at in firsts if at > since]
    sharing = {int(one) for one in connection.execute(SHARING, parameters).scalars()}
    passed = Counter(
        _group(facts)
        for facts, _ in earlier
        if tuple(facts[key] for key in REQUEST) in promising and int(facts["snapshot_id"]) not in sharing
    )
    is_again = any(int(facts["candidate_version"]) == request.candidate for facts, _ in earlier)
    budget = LookBudget(
        candidates=(max(request.candidates, 1) + published) * (JUDGED_AGAIN if is_again else 1),
        new_rows=new,
        spent_rows=spent,
        champion_rows=_spent(of_champion, policy),
        period_rows=_spent(of_period, policy),
        champion_charge=_spent(of_champion, policy, passed),
        period_charge=_spent(of_period, policy, passed),
    )
    return {
        "budget": budget.as_dict(),
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


def _group(facts: Mapping[str, Any]) -> tuple[Any, ...]:
    """What all candidates of one look have in common."""
    return facts["snapshot_id"], facts["champion_version"], facts["requested_by"], facts["looks_before"]


def _spent(
    looks: list[Mapping[str, Any]], policy: GatePolicy, promising: Mapping[tuple[Any, ...], int] | None = None
) -> int:
    """Rows that these looks spent; those of earlier releases, whose levels came from their number, as equivalents.

    promising: number of promising candidates by look that shares no rows with this one; their part is left out.
    """
    rows = 0
    for facts in looks:
        if "budget" in facts:
            budget = LookBudget(**facts["budget"])
            share = (promising or {}).get(_group(facts), 0) / budget.candidates
            rows += look_budget.charge(budget.spent_rows, share, shares_rows=False)
    return rows + look_budget.equivalent_rows(sum("budget" not in facts for facts in looks), policy)
