"""Evaluations, the gate's decisions on them, and people's approvals; each with its ledger row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, insert, select, text

from sentiment_lib.errors import NotFound
from sentiment_lib.hashing import canonical_json, hash_text
from sentiment_lib.records import Answer, Approval, Decision, RuleVerdict
from sentiment_lib.storage import ledger
from sentiment_lib.storage.tables import ApprovalRow, DecisionRow, DeploymentRow, EvaluationRow


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A question that nobody has answered."""

    decision_id: int
    #: "dag_id/run_id", or a person on the command line
    requested_by: str
    decided_at: datetime
    candidate_version: int


def store(
    connection: Connection,
    *,
    snapshot_id: int,
    candidate: int,
    champion: int,
    evidence: str,
    answer: Answer,
    rules: Sequence[RuleVerdict],
    policy: Mapping[str, Any],
    requested_by: str,
) -> Decision:
    """Write an evaluation and the decision on it. `evidence` is canonical JSON, `policy` the gate's rules in force."""
    digest = hash_text(evidence)
    models = {"snapshot_id": snapshot_id, "candidate_version": candidate, "champion_version": champion}
    evaluation_id = connection.execute(
        insert(EvaluationRow)
        .values(**models, evidence=evidence, evidence_hash=digest)
        .returning(EvaluationRow.evaluation_id)
    ).scalar_one()
    decision_id = connection.execute(
        insert(DecisionRow)
        .values(
            evaluation_id=evaluation_id,
            answer=str(answer),
            rules=[asdict(rule) for rule in rules],
            evidence_hash=digest,
            policy=policy,
            requested_by=requested_by,
        )
        .returning(DecisionRow.decision_id)
    ).scalar_one()
    ledger.append(connection, "evaluation", {"evaluation_id": evaluation_id, **models, "evidence_hash": digest})
    ledger.append(
        connection,
        "decision",
        {
            "decision_id": decision_id,
            "evaluation_id": evaluation_id,
            "answer": str(answer),
            "evidence_hash": digest,
            "rules_hash": hash_text(canonical_json([asdict(rule) for rule in rules])),
            "requested_by": requested_by,
        },
    )
    return by_id(connection, decision_id)


def _decisions() -> Select[Any]:
    return select(
        DecisionRow.decision_id,
        DecisionRow.evaluation_id,
        DecisionRow.answer,
        DecisionRow.rules,
        DecisionRow.evidence_hash,
        EvaluationRow.candidate_version,
        EvaluationRow.champion_version,
    ).join(EvaluationRow, EvaluationRow.evaluation_id == DecisionRow.evaluation_id)


def _decision(row: RowMapping) -> Decision:
    rules = tuple(RuleVerdict(**rule) for rule in row["rules"])
    return Decision(**{**row, "answer": Answer(row["answer"]), "rules": rules})


def by_id(connection: Connection, decision_id: int) -> Decision:
    """The decision; NotFound when there is none."""
    row = connection.execute(_decisions().where(DecisionRow.decision_id == decision_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(what="decision", key=decision_id)
    return _decision(row)


def find_existing(
    connection: Connection, *, snapshot_id: int, candidate: int, champion: int, requested_by: str
) -> Decision | None:
    """The decision that the same request reached before it was killed and run again."""
    query = (
        _decisions()
        .where(
            EvaluationRow.snapshot_id == snapshot_id,
            EvaluationRow.candidate_version == candidate,
            EvaluationRow.champion_version == champion,
            DecisionRow.requested_by == requested_by,
        )
        .order_by(DecisionRow.decision_id.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().one_or_none()
    return _decision(row) if row else None


def newest(connection: Connection, limit: int = 20) -> list[Decision]:
    """The latest decisions, newest first."""
    query = _decisions().order_by(DecisionRow.decision_id.desc()).limit(limit)
    return [_decision(row) for row in connection.execute(query).mappings()]


def whole(connection: Connection, decision_id: int) -> dict[str, Any]:
    """Everything that is known of a decision: snapshot, evidence, policy, who asked, when."""
    query = (
        select(
            *[c for c in DecisionRow.__table__.c if c.name != "rules"],
            EvaluationRow.snapshot_id,
            EvaluationRow.candidate_version,
            EvaluationRow.champion_version,
            EvaluationRow.evidence,
            EvaluationRow.evidence_hash.label("evaluation_hash"),
        )
        .join(EvaluationRow, EvaluationRow.evaluation_id == DecisionRow.evaluation_id)
        .where(DecisionRow.decision_id == decision_id)
    )
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound(what="decision", key=decision_id)
    return dict(row)


def waiting(connection: Connection) -> list[Waiting]:
    """Every PROMOTE that nobody has answered, oldest first."""
    query = (
        select(
            DecisionRow.decision_id,
            DecisionRow.requested_by,
            DecisionRow.decided_at,
            EvaluationRow.candidate_version,
        )
        .join(EvaluationRow, EvaluationRow.evaluation_id == DecisionRow.evaluation_id)
        .outerjoin(ApprovalRow, ApprovalRow.decision_id == DecisionRow.decision_id)
        .where(DecisionRow.answer == str(Answer.PROMOTE), ApprovalRow.approval_id.is_(None))
        .order_by(DecisionRow.decision_id)
    )
    return [Waiting(**row) for row in connection.execute(query).mappings()]


def approved_and_not_moved(connection: Connection) -> set[int]:
    """Candidates that were approved and are not deployed yet: their promotion is about to run."""
    query = (
        select(EvaluationRow.candidate_version)
        .join(DecisionRow, DecisionRow.evaluation_id == EvaluationRow.evaluation_id)
        .join(ApprovalRow, ApprovalRow.decision_id == DecisionRow.decision_id)
        .outerjoin(DeploymentRow, DeploymentRow.approval_id == ApprovalRow.approval_id)
        .where(ApprovalRow.answer == "approved", DeploymentRow.deployment_id.is_(None))
    )
    return set(connection.execute(query).scalars())


def store_approval(
    connection: Connection,
    *,
    decision_id: int,
    answer: str,
    answered_by: str,
    answered_at: datetime,
    reason: str | None,
    evidence_hash: str,
    shadow: Mapping[str, Any] | None = None,
) -> Approval:
    """Write the one answer that a decision gets; a second one breaks the unique constraint.

    shadow: what new tweets said of the two models at that moment, kept in the ledger beside the answer.
    """
    values = {
        "decision_id": decision_id,
        "answer": answer,
        "answered_by": answered_by,
        "answered_at": answered_at,
        "reason": reason,
        "evidence_hash": evidence_hash,
    }
    approval_id = connection.execute(
        insert(ApprovalRow).values(**values).returning(ApprovalRow.approval_id)
    ).scalar_one()
    beside = {} if shadow is None else {"shadow": dict(shadow)}
    ledger.append(connection, "approval", {"approval_id": approval_id, **values, **beside})
    found = approval(connection, decision_id)
    assert found is not None
    return found


def approval(connection: Connection, decision_id: int) -> Approval | None:
    """The answer to a decision, when there is one."""
    query = select(ApprovalRow.__table__).where(ApprovalRow.decision_id == decision_id)
    row = connection.execute(query).mappings().one_or_none()
    return Approval(**row) if row else None


def voided_since(connection: Connection, moment: datetime) -> list[str]:
    """Who requested the decisions that were made since then and whose question was voided, oldest first."""
    found = connection.execute(
        text(
            "SELECT d.requested_by FROM decisions d JOIN approvals a USING (decision_id) "
            "WHERE a.answer = 'void' AND d.decided_at >= :moment ORDER BY d.decision_id"
        ),
        {"moment": moment},
    ).scalars()
    return list(dict.fromkeys(found))


@dataclass(frozen=True, kw_only=True)
class DecisionSummary:
    """A decision without its evidence, and what was answered to it."""

    decision_id: int
    answer: str
    decided_at: datetime
    requested_by: str
    candidate_version: int
    champion_version: int
    approval: str | None
    answered_by: str | None


def newest_summaries(
    connection: Connection, *, requested_by: str | None = None, limit: int = 100
) -> list[DecisionSummary]:
    """The newest decisions, newest first; with `requested_by`, those of this request."""
    rows = connection.execute(
        text(
            "SELECT d.decision_id, d.answer, d.decided_at, d.requested_by, e.candidate_version, e.champion_version, "
            "a.answer AS approval, a.answered_by "
            "FROM decisions d JOIN evaluations e USING (evaluation_id) LEFT JOIN approvals a USING (decision_id) "
            "WHERE CAST(:request AS text) IS NULL OR d.requested_by = :request ORDER BY d.decision_id DESC LIMIT :limit"
        ),
        {"request": requested_by, "limit": limit},
    )
    return [DecisionSummary(**row) for row in rows.mappings()]


def ids_of_request(connection: Connection, requested_by: str) -> list[int]:
    """Ids of the decisions of one request, oldest first."""
    query = text("SELECT decision_id FROM decisions WHERE requested_by = :request ORDER BY decision_id")
    return list(connection.execute(query, {"request": requested_by}).scalars())


def overdue(connection: Connection, before: datetime) -> int | None:
    """The newest decision, when it is a PROMOTE made before then that nobody has answered."""
    decision_id: int | None = connection.execute(
        text(
            "SELECT d.decision_id FROM decisions d LEFT JOIN approvals a USING (decision_id) "
            "WHERE d.answer = 'PROMOTE' AND a.decision_id IS NULL AND d.decided_at < :before "
            "AND d.decision_id = (SELECT max(decision_id) FROM decisions)"
        ),
        {"before": before},
    ).scalar()
    return decision_id
