"""Whether a row of a table is what the platform recorded: its signed ledger row says the same of every column."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from sentiment_lib.errors import NotFound
from sentiment_lib.hashing import canonical_json, hash_text, to_json_value
from sentiment_lib.storage import ledger, snapshot_proofs
from sentiment_lib.storage.tables import (
    ApiKeyRow,
    ApprovalRow,
    DecisionRow,
    DeploymentRow,
    EvaluationRow,
    ModelVersionRow,
    RetrainRequestRow,
    SnapshotRow,
)

#: kind of ledger row -> (table, key column)
TABLES: dict[str, tuple[Any, str]] = {
    "snapshot": (SnapshotRow.__table__, "snapshot_id"),
    "training": (ModelVersionRow.__table__, "version"),
    "evaluation": (EvaluationRow.__table__, "evaluation_id"),
    "decision": (DecisionRow.__table__, "decision_id"),
    "approval": (ApprovalRow.__table__, "approval_id"),
    "deployment": (DeploymentRow.__table__, "deployment_id"),
    "retrain_request": (RetrainRequestRow.__table__, "request_id"),
    "api_key": (ApiKeyRow.__table__, "key_id"),
}
#: What a row of a kind is called, where the kind does not say it.
NAMES = {"training": "model version", "retrain_request": "retrain request", "api_key": "API key"}
#: Renamed columns, since ledger rows keep their hashed keys: (kind of ledger row, key) -> column.
COLUMNS = {("decision", "answer"): "verdict", ("approval", "answer"): "response"}


def renamed(kind: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a ledger row by the names of the table's columns."""
    return {COLUMNS.get((kind, key), key): value for key, value in facts.items()}


def differing(row: Mapping[str, Any], facts: Mapping[str, Any]) -> Iterator[str]:
    """Columns of a row that are not what these facts say."""
    for field, recorded in facts.items():
        if field == "rules_hash":
            if hash_text(canonical_json(row["rules"])) != recorded:
                yield "rules"
        elif field in row and comparable(row[field]) != recorded:
            yield field


def is_signed(connection: Connection, kind: str, key: int) -> bool:
    """Whether the platform recorded such a row, whatever the table says of it."""
    return ledger.find_genuine(connection, kind, {TABLES[kind][1]: key}) is not None


def fault(connection: Connection, kind: str, key: int) -> str | None:
    """Why a row does not count; None when a signed ledger row says the same of it. Raises NotFound without the row.

    kind: one of TABLES, except "deployment", which has several ledger rows: see `signed_moves`.
    """
    table, column = TABLES[kind]
    name = NAMES.get(kind, kind)
    row = connection.execute(select(table).where(table.c[column] == key)).mappings().one_or_none()
    if row is None:
        raise NotFound(what=name, key=key)
    entry = ledger.find_genuine(connection, kind, {column: key})
    if entry is None:
        return f"{name} {key} has no signed row in the ledger"
    changed = list(differing(dict(row), renamed(kind, entry.facts())))
    return f"{name} {key} is not what was recorded: {', '.join(changed)}" if changed else None


def rows_fault(connection: Connection, snapshot_id: int) -> str | None:
    """Why the rows of a snapshot in the database do not count; None when they are those that were recorded."""
    entry = ledger.find_genuine(connection, "snapshot", {"snapshot_id": snapshot_id})
    problem = snapshot_proofs.snapshot_problem(connection, entry.facts()) if entry else None
    if problem is None:
        return None
    return f"the rows of snapshot {snapshot_id} in the database are not what was recorded: {problem}"


def decision_fault(connection: Connection, decision_id: int) -> str | None:
    """Why nobody may act on a decision: it, its evaluation, evidence, snapshot or versions are not as recorded.

    None when all are. Raises NotFound for an unknown decision.
    """
    if problem := fault(connection, "decision", decision_id):
        return problem
    query = select(EvaluationRow.__table__).join(DecisionRow, DecisionRow.evaluation_id == EvaluationRow.evaluation_id)
    row = connection.execute(query.where(DecisionRow.decision_id == decision_id)).mappings().one()
    if problem := fault(connection, "evaluation", row["evaluation_id"]):
        return problem
    if hash_text(row["evidence"]) != row["evidence_hash"]:
        return f"the evidence of decision {decision_id} is not what was recorded"
    parts = (("training", "candidate_version"), ("training", "champion_version"), ("snapshot", "snapshot_id"))
    return next((problem for kind, column in parts if (problem := fault(connection, kind, row[column]))), None)


def comparable(value: Any) -> Any:
    """A column's value as the ledger keeps it: times in UTC, and of bytes, which are hashes of secrets, their hash."""
    if isinstance(value, bytes | memoryview):
        return hashlib.sha256(value).hexdigest()
    return to_json_value(value.astimezone(UTC) if isinstance(value, datetime) else value)
