"""Moves of the champion alias: an intent first, then done or undone; each with its signed ledger row.

Rows of the table count only as far as signed ledger rows say the same: the role of the steps may insert into it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, func, insert, select, update

from sentiment_lib.errors import NotFound
from sentiment_lib.records import AliasMove, Deployment
from sentiment_lib.storage import ledger, signed_moves
from sentiment_lib.storage.signed_moves import SignedMove
from sentiment_lib.storage.tables import ApprovalRow, DeploymentRow

_TABLE = DeploymentRow.__table__
_COLUMNS = (
    _TABLE.c.deployment_id,
    _TABLE.c.from_version,
    _TABLE.c.to_version,
    _TABLE.c.kind,
    func.coalesce(_TABLE.c.finished_at, _TABLE.c.intended_at).label("at"),
)

_SUMMARY = (
    _TABLE.c.deployment_id,
    _TABLE.c.kind,
    _TABLE.c.state,
    _TABLE.c.to_version,
    _TABLE.c.finished_at,
    _TABLE.c.moved_by,
    _TABLE.c.reason,
)


def begin_move(connection: Connection, move: AliasMove) -> Deployment:
    """Insert the intent to move the alias; the database allows one open intent at a time."""
    values = asdict(move)
    deployment_id, intended_at = connection.execute(
        insert(DeploymentRow).values(**values).returning(DeploymentRow.deployment_id, DeploymentRow.intended_at)
    ).one()
    facts = {"deployment_id": deployment_id, **values, "intended_at": intended_at.astimezone(UTC)}
    ledger.append(connection, f"{move.kind}.intent", facts)
    return by_id(connection, deployment_id)


def close_move(connection: Connection, deployment: Deployment, state: str, why: str | None = None) -> Deployment:
    """Close a pending move as "done" or "undone"; a move that is already closed stays unchanged."""
    closed = connection.execute(
        update(DeploymentRow)
        .where(DeploymentRow.deployment_id == deployment.deployment_id, DeploymentRow.state == "intent")
        .values(state=state, finished_at=func.now())
        .returning(DeploymentRow.finished_at)
    ).scalar_one_or_none()
    if closed:
        facts = {
            "deployment_id": deployment.deployment_id,
            "to_version": deployment.to_version,
            "finished_at": closed.astimezone(UTC),
        }
        ledger.append(connection, f"{deployment.kind}.{state}", facts if why is None else {**facts, "why": why})
    return by_id(connection, deployment.deployment_id)


def by_id(connection: Connection, deployment_id: int) -> Deployment:
    """The deployment with this id. Raises NotFound for an unknown id."""
    query = select(*_COLUMNS).where(_TABLE.c.deployment_id == deployment_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound(what="deployment", key=deployment_id)
    return Deployment(**row)


def pending_move(connection: Connection) -> Deployment | None:
    """The move that is neither done nor undone; None without one."""
    row = connection.execute(select(*_COLUMNS).where(_TABLE.c.state == "intent")).mappings().one_or_none()
    move = signed_moves.by_id(connection, row["deployment_id"]) if row else None
    if row is None or move is None or move.state != "intent":
        return None
    signed = {"kind": move.kind, "from_version": move.from_version, "to_version": move.to_version}
    return Deployment(**{**row, **signed})


def of_decision(connection: Connection, decision_id: int) -> tuple[Deployment, str] | None:
    """The newest deployment that a decision led to, with its state; None without one."""
    query = (
        select(*_COLUMNS)
        .outerjoin(ApprovalRow, ApprovalRow.approval_id == _TABLE.c.approval_id)
        .where((_TABLE.c.decision_id == decision_id) | (ApprovalRow.decision_id == decision_id))
        .order_by(_TABLE.c.deployment_id.desc())
    )
    rows = connection.execute(query).mappings().all()
    signed = ((row, signed_moves.by_id(connection, row["deployment_id"])) for row in rows)
    row, move = next(((row, move) for row, move in signed if move), (None, None))
    if row is None or move is None:
        return None
    return Deployment(**row), move.state


@dataclass(frozen=True, kw_only=True)
class CompletedMove:
    """A completed move of the champion alias, and the decision behind it, if any."""

    deployment_id: int
    kind: str
    from_version: int | None
    to_version: int
    finished_at: datetime
    decision_id: int | None
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class DeploymentSummary:
    """A move of the champion alias, completed or not."""

    deployment_id: int
    kind: str
    state: str
    to_version: int
    finished_at: datetime | None
    moved_by: str | None
    reason: str | None


def last_move(connection: Connection) -> CompletedMove | None:
    """The newest completed deployment; None before the first."""
    move = next(signed_moves.completed(connection), None)
    if move is None or move.finished_at is None:
        return None
    return CompletedMove(
        deployment_id=move.deployment_id,
        kind=move.kind,
        from_version=move.from_version,
        to_version=move.to_version,
        finished_at=move.finished_at,
        decision_id=_decision_of(connection, move),
        reason=move.reason,
    )


def promotion_of(connection: Connection, version: int) -> int | None:
    """Id of the newest decision by which this version became champion; None without a decision."""
    for move in signed_moves.completed(connection):
        if move.to_version == version and move.kind in ("promotion", "forced"):
            return _decision_of(connection, move)
    return None


def served_before(connection: Connection, version: int) -> bool:
    """Whether this version has ever been the champion."""
    return any(move.to_version == version for move in signed_moves.completed(connection))


def _decision_of(connection: Connection, move: SignedMove) -> int | None:
    if move.decision_id is not None or move.approval_id is None:
        return move.decision_id
    decision_id: int | None = connection.scalar(
        select(ApprovalRow.decision_id).where(ApprovalRow.approval_id == move.approval_id)
    )
    return decision_id


def earlier_champions(connection: Connection) -> list[int]:
    """Versions that were the champion, the latest first; the one that serves is among them."""
    last = func.max(_TABLE.c.deployment_id)
    query = select(_TABLE.c.to_version).where(_TABLE.c.state == "done").group_by(_TABLE.c.to_version)
    return list(connection.execute(query.order_by(last.desc())).scalars())


def newest(connection: Connection, limit: int) -> list[DeploymentSummary]:
    """The newest deployments, newest first."""
    query = select(*_SUMMARY).order_by(_TABLE.c.deployment_id.desc()).limit(limit)
    return [DeploymentSummary(**row) for row in connection.execute(query).mappings()]


def all_of_decision(connection: Connection, decision_id: int) -> list[DeploymentSummary]:
    """Every deployment that a decision led to, oldest first."""
    query = (
        select(*_SUMMARY)
        .outerjoin(ApprovalRow, ApprovalRow.approval_id == _TABLE.c.approval_id)
        .where((_TABLE.c.decision_id == decision_id) | (ApprovalRow.decision_id == decision_id))
        .order_by(_TABLE.c.deployment_id)
    )
    return [DeploymentSummary(**row) for row in connection.execute(query).mappings()]
