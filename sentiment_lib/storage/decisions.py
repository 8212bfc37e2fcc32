"""Evaluations, the gate's decisions on them, and people's approvals; each with its ledger row."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, insert, select, text

from sentiment_lib.errors import NotFound
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.hashing import canonical_json, hash_text
from sentiment_lib.records import (
    Answer,
    Approval,
    ApprovalResponse,
    Decision,
    DecisionRecord,
    EvaluationRequest,
    RuleVerdict,
)
from sentiment_lib.storage import approval_requests, ledger, recorded_facts
from sentiment_lib.storage.tables import ApprovalRow, DecisionRow, DeploymentRow, EvaluationRow, ModelVersionRow

#: Kind of the ledger row and of the alert about an approval that ended without an answer.
FORGED_APPROVAL = "forged_approval"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A decision with a pending approval."""

    decision_id: int
    #: "dag_id/run_id", or a person on the command line
    requested_by: str
    decided_at: datetime
    candidate_version: int


def store(
    connection: Connection,
    evidence: Evidence,
    *,
    policy: Mapping[str, Any],
    requested_by: str,
    people: Collection[str] = (),
) -> Decision:
    """Insert an evaluation and the decision on it, each with its ledger row.

    policy: the sections gate and approval of the policy in force, as JSON values; people: who gave the command, and are
    recorded as having asked for a PROMOTE; empty when the request for its approval says who did.
    """
    canonical = evidence.to_json()
    digest = hash_text(canonical)
    rules = [asdict(rule) for rule in evidence.rules]
    models = {
        "snapshot_id": evidence.snapshot_id,
        "candidate_version": evidence.candidate.version,
        "champion_version": evidence.champion.version,
    }
    evaluation_id, created_at = connection.execute(
        insert(EvaluationRow)
        .values(**models, evidence=canonical, evidence_hash=digest)
        .returning(EvaluationRow.evaluation_id, EvaluationRow.created_at)
    ).one()
    decision_id, decided_at = connection.execute(
        insert(DecisionRow)
        .values(
            evaluation_id=evaluation_id,
            verdict=str(evidence.verdict),
            rules=rules,
            evidence_hash=digest,
            policy=policy,
            requested_by=requested_by,
        )
        .returning(DecisionRow.decision_id, DecisionRow.decided_at)
    ).one()
    evaluation = {
        "evaluation_id": evaluation_id,
        **models,
        "evidence_hash": digest,
        # versions of earlier releases have no training record in a ledger row of their own
        "training_hashes": {
            str(version): hash_text(canonical_json(training))
            for version, training in connection.execute(
                select(ModelVersionRow.version, ModelVersionRow.training).where(
                    ModelVersionRow.version.in_((evidence.candidate.version, evidence.champion.version))
                )
            )
        },
    }
    ledger.append(connection, "evaluation", {**evaluation, "created_at": created_at.astimezone(UTC)})
    ledger.append(
        connection,
        "decision",
        {
            "decision_id": decision_id,
            "evaluation_id": evaluation_id,
            "answer": str(evidence.verdict),  # the key under which earlier rows were hashed
            "evidence_hash": digest,
            "rules_hash": hash_text(canonical_json(rules)),
            "requested_by": requested_by,
            "policy": policy,
            "decided_at": decided_at.astimezone(UTC),
        },
    )
    if people and evidence.verdict is Answer.PROMOTE:
        approval_requests.store_request(connection, full_record(connection, decision_id), people)
    return by_id(connection, decision_id)


def _decisions() -> Select[Any]:
    return select(
        DecisionRow.decision_id,
        DecisionRow.evaluation_id,
        DecisionRow.verdict,
        DecisionRow.rules,
        DecisionRow.evidence_hash,
        EvaluationRow.candidate_version,
        EvaluationRow.champion_version,
    ).join(EvaluationRow, EvaluationRow.evaluation_id == DecisionRow.evaluation_id)


def _decision(row: RowMapping) -> Decision:
    return Decision(**_fields(row))


def _fields(row: RowMapping) -> dict[str, Any]:
    rules = tuple(RuleVerdict(**rule) for rule in row["rules"])
    return {**row, "verdict": Answer(row["verdict"]), "rules": rules}


def by_id(connection: Connection, decision_id: int) -> Decision:
    """The decision without its evidence. Raises NotFound for an unknown id."""
    row = connection.execute(_decisions().where(DecisionRow.decision_id == decision_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(what="decision", key=decision_id)
    return _decision(row)


def find_existing(connection: Connection, request: EvaluationRequest) -> Decision | None:
    """The newest recorded decision of the same request, for a repeated run; None without one."""
    query = (
        _decisions()
        .where(
            EvaluationRow.snapshot_id == request.snapshot_id,
            EvaluationRow.candidate_version == request.candidate,
            EvaluationRow.champion_version == request.champion,
            DecisionRow.requested_by == request.requested_by,
        )
        .order_by(DecisionRow.decision_id.desc())
    )
    found = [_decision(row) for row in connection.execute(query).mappings()]
    recorded = (one for one in found if recorded_facts.is_signed(connection, "decision", one.decision_id))
    return next(recorded, None)


def newest(connection: Connection, limit: int = 20) -> list[Decision]:
    """The newest decisions, newest first."""
    query = _decisions().order_by(DecisionRow.decision_id.desc()).limit(limit)
    return [_decision(row) for row in connection.execute(query).mappings()]


def full_record(connection: Connection, decision_id: int) -> DecisionRecord:
    """The decision with its evidence and policy. Raises NotFound for an unknown id."""
    query = (
        _decisions()
        .add_columns(
            DecisionRow.policy,
            DecisionRow.requested_by,
            DecisionRow.decided_at,
            EvaluationRow.snapshot_id,
            EvaluationRow.evidence,
            EvaluationRow.evidence_hash.label("evaluation_hash"),
        )
        .where(DecisionRow.decision_id == decision_id)
    )
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound(what="decision", key=decision_id)
    return DecisionRecord(**_fields(row))


def is_intact(decision: DecisionRecord) -> bool:
    """Whether the evidence still has the hash that was recorded with the evaluation and with the decision."""
    return hash_text(decision.evidence) == decision.evaluation_hash == decision.evidence_hash


def waiting(connection: Connection) -> list[Waiting]:
    """Every recorded PROMOTE without a response, oldest first; none that somebody else than the platform inserted."""
    query = (
        select(
            DecisionRow.decision_id,
            DecisionRow.requested_by,
            DecisionRow.decided_at,
            EvaluationRow.candidate_version,
        )
        .join(EvaluationRow, EvaluationRow.evaluation_id == DecisionRow.evaluation_id)
        .outerjoin(ApprovalRow, ApprovalRow.decision_id == DecisionRow.decision_id)
        .where(DecisionRow.verdict == str(Answer.PROMOTE), ApprovalRow.approval_id.is_(None))
        .order_by(DecisionRow.decision_id)
    )
    found = [Waiting(**row) for row in connection.execute(query).mappings()]
    return [one for one in found if recorded_facts.is_signed(connection, "decision", one.decision_id)]


def refused(connection: Connection, champion: int, *, since: datetime, limit: int) -> dict[int, datetime]:
    """Candidates that the gate or a person refused against this champion since then, newest first, with the time.

    Those that are too slow or too large to serve are left out: scoring them would cost what the gate refused.
    """
    rows = connection.execute(
        text(
            "SELECT e.candidate_version, max(d.decided_at) AS decided_at FROM decisions d "
            "JOIN evaluations e USING (evaluation_id) LEFT JOIN approvals a USING (decision_id) "
            "WHERE e.champion_version = :champion AND d.decided_at >= :since AND e.candidate_version <> :champion "
            "AND (d.verdict <> 'PROMOTE' OR a.response <> 'approved') "
            "AND NOT EXISTS (SELECT FROM jsonb_array_elements(cast(d.rules AS jsonb)) rule "
            "WHERE rule->>'rule' LIKE 'cost:%' AND rule->>'verdict' = 'reject') "
            "GROUP BY e.candidate_version ORDER BY max(d.decision_id) DESC LIMIT :limit"
        ),
        {"champion": champion, "since": since, "limit": limit},
    )
    return {row.candidate_version: row.decided_at for row in rows}


def approved_and_not_moved(connection: Connection) -> set[int]:
    """Candidate versions that are approved and not yet deployed."""
    query = (
        select(EvaluationRow.candidate_version)
        .join(DecisionRow, DecisionRow.evaluation_id == EvaluationRow.evaluation_id)
        .join(ApprovalRow, ApprovalRow.decision_id == DecisionRow.decision_id)
        .outerjoin(DeploymentRow, DeploymentRow.approval_id == ApprovalRow.approval_id)
        .where(ApprovalRow.response == "approved", DeploymentRow.deployment_id.is_(None))
    )
    return set(connection.execute(query).scalars())


def store_approval(
    connection: Connection,
    response: ApprovalResponse,
    *,
    shadow: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
    approvers: Sequence[str] | None = None,
    quorum: Mapping[str, Any] | None = None,
) -> Approval:
    """Insert the response to a decision with its ledger row; a second one violates the unique constraint.

    Recorded in the ledger with the response: `shadow`, the shadow comparison at that time; `provenance`, where the
    response came from and how the person was identified; `approvers`, the approvers of the policy at that time;
    `quorum`, the quorum with the votes towards it.
    """
    values = asdict(response)
    approval_id = connection.execute(
        insert(ApprovalRow).values(**values).returning(ApprovalRow.approval_id)
    ).scalar_one()
    facts = {"approval_id": approval_id, **values}
    facts["answer"] = facts.pop("response")  # the key under which earlier rows were hashed
    if shadow is not None:
        facts["shadow"] = dict(shadow)
    if approvers is not None:
        facts["approvers"] = list(approvers)
    facts |= quorum or {}
    if response.response in ("approved", "rejected"):
        # named even when it is unknown: `verify` refuses a person's answer of unknown origin
        facts["channel"] = (provenance or {}).get("channel")
    if provenance is not None:
        facts["provenance"] = dict(provenance)
    ledger.append(connection, "approval", facts)
    return Approval(approval_id=approval_id, **values)


def approval(connection: Connection, decision_id: int) -> Approval | None:
    """The recorded response to a decision; None while there is none."""
    query = select(ApprovalRow.__table__).where(ApprovalRow.decision_id == decision_id)
    row = connection.execute(query).mappings().one_or_none()
    return Approval(**row) if row else None


def closed_since(connection: Connection, moment: datetime) -> list[str]:
    """Requesters of the decisions made since then that have a response, of a person or none, oldest first."""
    requesters = connection.execute(
        text(
            "SELECT d.requested_by FROM decisions d JOIN approvals a USING (decision_id) "
            "WHERE d.decided_at >= :moment ORDER BY d.decision_id"
        ),
        {"moment": moment},
    ).scalars()
    return list(dict.fromkeys(requesters))


def ids_of_request(connection: Connection, requested_by: str) -> list[int]:
    """Ids of the decisions of one request, oldest first."""
    query = text("SELECT decision_id FROM decisions WHERE requested_by = :request ORDER BY decision_id")
    return list(connection.execute(query, {"request": requested_by}).scalars())


def overdue(connection: Connection, before: datetime) -> int | None:
    """Id of the newest decision if it is a PROMOTE made before then without a response."""
    decision_id: int | None = connection.execute(
        text(
            "SELECT d.decision_id FROM decisions d LEFT JOIN approvals a USING (decision_id) "
            "WHERE d.verdict = 'PROMOTE' AND a.decision_id IS NULL AND d.decided_at < :before "
            "AND d.decision_id = (SELECT max(decision_id) FROM decisions)"
        ),
        {"before": before},
    ).scalar()
    return decision_id
