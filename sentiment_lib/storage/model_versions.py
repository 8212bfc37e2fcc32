"""Model versions as the database knows them, and which of them is the champion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select

from sentiment_lib.errors import NotFound
from sentiment_lib.records import ModelVersion
from sentiment_lib.storage import ledger
from sentiment_lib.storage.tables import DeploymentTable, ModelVersionTable

COLUMNS = tuple(
    ModelVersionTable.__table__.c[name]
    for name in ("version", "family", "digest", "run_id", "snapshot_id", "created_at")
)


def store(
    connection: Connection,
    version: ModelVersion,
    *,
    training_key: str,
    training: Mapping[str, Any],
    cost: Mapping[str, Any],
) -> None:
    """Write a registered version with its ledger row. `training`: seed, options, pins: what rebuilds it."""
    connection.execute(
        insert(ModelVersionTable).values(**vars(version), training_key=training_key, training=training, cost=cost)
    )
    facts = {"version": version.version, "family": version.family, "digest": version.digest}
    ledger.append(connection, "training", {**facts, "snapshot_id": version.snapshot_id, "run_id": version.run_id})


def by_version(connection: Connection, version: int) -> ModelVersion:
    """The version's record; NotFound when there is none."""
    row = connection.execute(select(*COLUMNS).where(ModelVersionTable.version == version)).mappings().one_or_none()
    if row is None:
        raise NotFound(what="model version", key=version)
    return ModelVersion(**row)


def by_training_key(connection: Connection, training_key: str) -> ModelVersion | None:
    """What an earlier try of the same training registered."""
    query = select(*COLUMNS).where(ModelVersionTable.training_key == training_key)
    row = connection.execute(query).mappings().one_or_none()
    return ModelVersion(**row) if row else None


def details(connection: Connection, version: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Training (seed, options, pins) and cost (p99_ms, memory_mb, artefact_mb, seconds) of a version."""
    query = select(ModelVersionTable.training, ModelVersionTable.cost).where(ModelVersionTable.version == version)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(what="model version", key=version)
    return row.training, row.cost


def champion(connection: Connection) -> ModelVersion | None:
    """The version of the last finished deployment: the one that serves; None before the first."""
    query = (
        select(*COLUMNS)
        .join(DeploymentTable, DeploymentTable.to_version == ModelVersionTable.version)
        .where(DeploymentTable.state == "done")
        .order_by(DeploymentTable.deployment_id.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().one_or_none()
    return ModelVersion(**row) if row else None


def all_versions(connection: Connection) -> list[ModelVersion]:
    """Every registered version, oldest first."""
    query = select(*COLUMNS).order_by(ModelVersionTable.version)
    return [ModelVersion(**row) for row in connection.execute(query).mappings()]
