"""Registered model versions, and which of them is the champion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, text

from sentiment_lib.errors import NotFound
from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.records import ModelVersion
from sentiment_lib.storage import ledger, signed_moves
from sentiment_lib.storage.tables import ModelVersionRow
from sentiment_lib.training_record import TrainingInputs, TrainingRecord

COLUMNS = tuple(
    ModelVersionRow.__table__.c[name] for name in ("version", "family", "digest", "run_id", "snapshot_id", "created_at")
)


def store(
    connection: Connection,
    version: ModelVersion,
    *,
    training_key: str,
    training: TrainingRecord,
    cost: Cost,
) -> None:
    """Insert a registered version with its ledger row."""
    connection.execute(
        insert(ModelVersionRow).values(
            **vars(version), training_key=training_key, training=training.to_json(), cost=cost.as_dict()
        )
    )
    facts: dict[str, Any] = {"version": version.version, "family": version.family, "digest": version.digest}
    facts |= {"snapshot_id": version.snapshot_id, "run_id": version.run_id, "training_key": training_key}
    # metrics on the holdout are published by its look (`holdout_looks`)
    facts |= {"training": training.to_json(), "cost": cost.as_dict(), "holdout_hidden": True}
    ledger.append(connection, "training", {**facts, "created_at": version.created_at.astimezone(UTC)})


def by_version(connection: Connection, version: int) -> ModelVersion:
    """The version with this number. Raises NotFound for an unknown number."""
    row = connection.execute(select(*COLUMNS).where(ModelVersionRow.version == version)).mappings().one_or_none()
    if row is None:
        raise NotFound(what="model version", key=version)
    return ModelVersion(**row)


def by_training_key(connection: Connection, training_key: str) -> ModelVersion | None:
    """The version that an earlier attempt of the same training registered; None without one."""
    query = select(*COLUMNS).where(ModelVersionRow.training_key == training_key)
    row = connection.execute(query).mappings().one_or_none()
    return ModelVersion(**row) if row else None


def training_key(connection: Connection, version: int) -> str:
    """Hash of the training that a version came from. Raises NotFound for an unknown version."""
    found = connection.execute(select(ModelVersionRow.training_key).where(ModelVersionRow.version == version)).scalar()
    if found is None:
        raise NotFound(what="model version", key=version)
    return found


def training_of(connection: Connection, version: int) -> tuple[TrainingRecord, Cost]:
    """How a version was trained, and its cost. Raises NotFound for an unknown version."""
    query = select(ModelVersionRow.training, ModelVersionRow.cost).where(ModelVersionRow.version == version)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(what="model version", key=version)
    return TrainingRecord.from_json(row.training), Cost(**row.cost)


def inputs_of(connection: Connection, version: int) -> TrainingInputs:
    """What a version learned from beside its rows; nothing for one of a release that recorded none.

    Raises NotFound for an unknown version.
    """
    query = select(ModelVersionRow.training).where(ModelVersionRow.version == version)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(what="model version", key=version)
    return TrainingInputs.from_json(row.training.get("inputs") or {})


def parents(connection: Connection, version: int) -> tuple[int, ...]:
    """Versions that this one was warm-started or distilled from. Raises NotFound for an unknown version."""
    return inputs_of(connection, version).parents


def champion(connection: Connection) -> ModelVersion | None:
    """The version of the last completed deployment that the platform signed, which serves; None before the first.

    Raises LedgerBroken when deployments are recorded and none has a valid signature.
    """
    number = signed_moves.champion(connection)
    return None if number is None else by_version(connection, number)


def all_versions(connection: Connection) -> list[ModelVersion]:
    """Every registered version, oldest first."""
    query = select(*COLUMNS).order_by(ModelVersionRow.version)
    return [ModelVersion(**row) for row in connection.execute(query).mappings()]


def recorded(connection: Connection) -> frozenset[int]:
    """Versions whose training a signed row of the ledger names; any other row is somebody else's."""
    return frozenset(int(entry.facts()["version"]) for entry in ledger.genuine_entries(connection, ("training",)))


@dataclass(frozen=True, kw_only=True)
class VersionSummary:
    """A version with its cost and the newest decision on it."""

    version: int
    family: str
    digest: str
    snapshot_id: int | None
    created_at: datetime
    cost: Mapping[str, Any]
    decision_id: int | None
    verdict: str | None
    #: metrics of its newest evaluation as the candidate, by name
    metrics: Mapping[str, float] | None


def numbers(connection: Connection) -> list[int]:
    """Number of each version, newest first."""
    return list(connection.execute(text("SELECT version FROM model_versions ORDER BY version DESC")).scalars())


def newest_versions(connection: Connection, limit: int) -> list[VersionSummary]:
    """The newest versions, newest first."""
    rows = connection.execute(
        text(
            """
            SELECT v.version, v.family, v.digest, v.snapshot_id, v.created_at, v.cost, d.decision_id, d.verdict,
                   (e.evidence::jsonb -> 'comparison' -> 'candidate') AS metrics
            FROM model_versions v
            LEFT JOIN LATERAL (SELECT evaluation_id, evidence FROM evaluations
                               WHERE candidate_version = v.version ORDER BY evaluation_id DESC LIMIT 1) e ON true
            LEFT JOIN decisions d USING (evaluation_id)
            ORDER BY v.version DESC LIMIT :limit
            """
        ),
        {"limit": limit},
    )
    return [VersionSummary(**row) for row in rows.mappings()]
