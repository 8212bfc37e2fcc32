"""Pick the best PROMOTE of a retrain, take back older questions, and put this one to people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from sentiment_lib.records import NOBODY, Answer, Decision
from sentiment_lib.registry.mlflow_registry import CHALLENGER, Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.decisions import approval_summary
from sentiment_lib.storage import decisions, model_versions
from sentiment_lib.storage.engine import Store, lock


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a person is asked; `superseded` names who asked the questions that this one replaces."""

    decision_id: int
    evidence_hash: str
    candidate_version: int
    #: Markdown: figures, rules and what each answer means
    body: str
    superseded: tuple[str, ...]


def run(store: Store, settings: Settings, *, decision_ids: Sequence[int], requested_by: str) -> Question | None:
    """The question for the best PROMOTE among these decisions; None when there is none, or it was superseded.

    Every other PROMOTE that waits is closed as void, and the alias `challenger` names the candidate from now on.
    Safe to run again: the same question comes back.
    """
    registry = Registry(settings)
    with store.begin() as connection:
        lock(connection, "champion")
        found = [decisions.by_id(connection, number) for number in decision_ids]
        wanted = [decision for decision in found if decision.answer is Answer.PROMOTE]
        if not wanted:
            return None
        best = max(wanted, key=lambda decision: _worth(connection, decision))
        superseded = _supersede(connection, best, requested_by)
        champion = model_versions.champion(connection)
        serving = champion.version if champion else None
        if serving != best.champion_version and decisions.approval(connection, best.decision_id) is None:
            _void(connection, best.decision_id, f"the champion is version {serving} by now")
        answer = decisions.approval(connection, best.decision_id)
        if answer and answer.answer == "void":
            return None
        if answer is None:
            registry.set_alias(CHALLENGER, best.candidate_version)
        body = approval_summary.text(connection, best, settings)
    return Question(
        decision_id=best.decision_id,
        evidence_hash=best.evidence_hash,
        candidate_version=best.candidate_version,
        body=body,
        superseded=superseded,
    )


def superseded(store: Store, settings: Settings) -> list[str]:
    """Who asked the questions that were voided and could still stand in the UI.

    Two runs that ask within the same second can miss each other: the older question appears after the newer one
    looked for it.
    """
    with store.begin() as connection:
        return decisions.voided_since(connection, datetime.now(UTC) - settings.policy.approval.expires_after)


def _worth(connection: Connection, decision: Decision) -> tuple[float, int]:
    """The candidate's main metric on the holdout; the newer decision when they are equal."""
    compared = json.loads(decisions.whole(connection, decision.decision_id)["evidence"])["comparison"]
    return compared["candidate"][compared["main"]["metric"]], decision.decision_id


def _supersede(connection: Connection, best: Decision, requested_by: str) -> tuple[str, ...]:
    """Close every older question that still waits; those that other runs asked are named."""
    others = []
    for one in decisions.waiting(connection):
        same_run = one.requested_by == requested_by
        if one.decision_id != best.decision_id and (one.decision_id < best.decision_id or same_run):
            better = "a better candidate of the same run" if same_run else f"the newer decision {best.decision_id}"
            _void(connection, one.decision_id, f"superseded by {better}")
            if not same_run:
                others.append(one.requested_by)
    return tuple(dict.fromkeys(others))


def _void(connection: Connection, decision_id: int, reason: str) -> None:
    decisions.store_approval(
        connection,
        decision_id=decision_id,
        answer="void",
        answered_by=NOBODY,
        answered_at=datetime.now(UTC),
        reason=reason,
        evidence_hash=decisions.by_id(connection, decision_id).evidence_hash,
    )
