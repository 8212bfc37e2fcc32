"""Record a person's answer to a decision, after checking everything again; an answer that does not count is void."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import Connection

from sentiment_lib.errors import ApprovalVoid, BadInput
from sentiment_lib.hashing import hash_text
from sentiment_lib.records import NOBODY, Answer, Approval
from sentiment_lib.registry.mlflow_registry import CHALLENGER, Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.decisions import shadow_comparison
from sentiment_lib.storage import decisions, model_versions
from sentiment_lib.storage.engine import Store, lock


def run(
    store: Store,
    settings: Settings,
    *,
    decision_id: int,
    answer: str,
    answered_by: str | None,
    reason: str | None,
    evidence_hash: str,
    requested_by: str | None = None,
    at: datetime | None = None,
) -> Approval:
    """The answer as it was recorded: "approved", "rejected", "expired", or "void" with the reason why.

    answer: "approved", "rejected" or "expired"; requested_by: the person, if one, who started the run.
    The same answer of the same person again gives the record that is there; any other answer to a decision that has
    one raises ApprovalVoid.
    """
    if answer not in ("approved", "rejected", "expired"):
        raise BadInput(what="answer", problem=f"'{answer}' is none of approved, rejected, expired")
    moment, who = at or datetime.now(UTC), answered_by or NOBODY
    with store.begin() as connection:
        # the lock also keeps the champion where it is while the answer is checked against it
        lock(connection, "champion")
        known = decisions.approval(connection, decision_id)
        if known:
            if known.answer in (answer, "void", "expired") and known.answered_by in (who, NOBODY):
                return known
            raise ApprovalVoid(
                decision=decision_id, problem=f"{known.answered_by} has answered already: {known.answer}"
            )
        problem = None
        if answer != "expired":
            problem = _problem(
                connection, settings, decision_id, answer, who, reason, evidence_hash, requested_by, moment
            )
        seen = decisions.by_id(connection, decision_id).evidence_hash
        shadow = shadow_comparison.run(connection, decision_id)
        found = decisions.store_approval(
            connection,
            decision_id=decision_id,
            answer="void" if problem else answer,
            answered_by=who,
            answered_at=moment,
            reason=problem or reason,
            evidence_hash=seen if answer == "expired" else evidence_hash,
            shadow=shadow.as_dict() if shadow else None,
        )
    if found.answer != "approved":
        _stand_down(store, settings, decision_id)
    return found


def slip(settings: Settings, answer: str, who: str, reason: str | None, asked: Collection[str | None]) -> str | None:
    """What this person cannot answer, whatever the decision's state; None when they can.

    asked: who asked for the promotion. A caller that can still ask again need not let `run` void the decision for it.
    """
    policy = settings.policy.approval
    if who not in policy.approvers:
        return f"{who} is not among the approvers"
    if answer == "rejected":
        return None if len((reason or "").strip()) >= policy.shortest_reason else "a rejection needs a reason"
    if not policy.self_approval and who in asked:
        return f"{who} asked for this promotion and may not approve it"
    return None


def _problem(
    connection: Connection,
    settings: Settings,
    decision_id: int,
    answer: str,
    who: str,
    reason: str | None,
    evidence_hash: str,
    requested_by: str | None,
    moment: datetime,
) -> str | None:
    """Why this answer does not count; None when it does."""
    policy = settings.policy.approval
    known = decisions.whole(connection, decision_id)
    champion = model_versions.champion(connection)
    serving = champion.version if champion else None
    if problem := slip(settings, answer, who, reason, (requested_by, known["requested_by"])):
        return problem
    if answer == "rejected":
        return None
    if known["answer"] != Answer.PROMOTE:
        return f"the gate said {known['answer']}, so there is nothing to approve"
    if moment > known["decided_at"] + policy.expires_after:
        return f"the question expired after {policy.expires_after}"
    if not evidence_hash == known["evidence_hash"] == known["evaluation_hash"] == hash_text(known["evidence"]):
        return "the evidence is not what was shown"
    if serving != known["champion_version"]:
        return f"the champion is version {serving} now, and the comparison was with {known['champion_version']}"
    return None


def _stand_down(store: Store, settings: Settings, decision_id: int) -> None:
    """The candidate of a closed question is no challenger any more."""
    registry = Registry(settings)
    with store.begin() as connection:
        lock(connection, "champion")
        if registry.alias(CHALLENGER) == decisions.by_id(connection, decision_id).candidate_version:
            registry.drop_alias(CHALLENGER)
