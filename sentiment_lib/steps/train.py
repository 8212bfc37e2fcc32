"""Train one family on a snapshot and register it as a candidate."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sentiment_lib.evaluation.canonical import sha256
from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.evaluation.metrics import figures
from sentiment_lib.families import catalog
from sentiment_lib.families.base import Model
from sentiment_lib.records import LABELS, ModelVersion, Snapshot
from sentiment_lib.registry import package, plots, runs
from sentiment_lib.registry.models import Registered, Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps import snapshot as snapshot_step
from sentiment_lib.storage import models, snapshots
from sentiment_lib.storage.engine import Store, lock

#: Number of each label, as evaluation and families count them.
CODES = {str(label): number for number, label in enumerate(LABELS)}
LATENCY_ROUNDS = 100


def run(
    store: Store,
    settings: Settings,
    *,
    snapshot_id: int,
    family: str,
    run_key: str,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
) -> ModelVersion:
    """The candidate of this snapshot, family and run; asked again for the same, it is found and not trained again."""
    with store.begin() as connection:
        frozen = snapshots.by_id(connection, snapshot_id)
    order = {"family": family, "seed": seed, "options": dict(options or {}), "snapshot_hash": frozen.content_hash}
    key = training_key(run_key, order)
    return _registered(store, settings, key, order, frozen)


def untrained(store: Store, settings: Settings, *, family: str) -> ModelVersion:
    """A version of a family that needs no training data."""
    order: dict[str, Any] = {"family": family, "seed": 0, "options": {}, "snapshot_hash": None}
    return _registered(store, settings, training_key("untrained", order), order, None)


def training_key(run_key: str, order: Mapping[str, Any]) -> str:
    """Who asked and what for, in one short string that MLflow can search for."""
    return sha256(f"{run_key}\n{sorted(order.items())}")


def fit(order: Mapping[str, Any], frame: pd.DataFrame | None) -> Model:
    """Train what the order says; the same order and rows give the same model (see docs of each family)."""
    if frame is None:
        return catalog.train(order["family"], [], [], seed=order["seed"], **order["options"])
    rows = frame[frame["part"] == "train"]
    return catalog.train(
        order["family"],
        rows["text"].tolist(),
        [CODES[label] for label in rows["label"]],
        seed=order["seed"],
        created_at=rows["created_at"].tolist(),
        **order["options"],
    )


def _registered(
    store: Store, settings: Settings, key: str, order: dict[str, Any], frozen: Snapshot | None
) -> ModelVersion:
    registry = Registry(settings)
    with store.begin() as connection:
        known = models.by_training_key(connection, key)
    if known:
        return known
    # an earlier try may have been killed after MLflow had the version, and before the database knew of it
    found = registry.find(key)
    if found:
        training, cost = registry.notes(found.run_id)
    else:
        found, training, cost = _train(registry, settings, key, order, frozen)
    version = ModelVersion(
        version=found.version,
        family=found.family,
        digest=found.digest,
        run_id=found.run_id,
        snapshot_id=frozen.snapshot_id if frozen else None,
        created_at=found.created_at,
    )
    with store.begin() as connection:
        # two runs may have made the same first champion side by side: one of them counts
        lock(connection, "ledger")
        known = models.by_training_key(connection, key)
        if known:
            return known
        models.store(connection, version, training_key=key, training=training, cost=cost)
    return version


def _train(
    registry: Registry, settings: Settings, key: str, order: dict[str, Any], frozen: Snapshot | None
) -> tuple[Registered, dict[str, Any], dict[str, Any]]:
    frame = snapshot_step.read(settings, frozen) if frozen else None
    training = {**order, "environment": runs.environment(), "revision": runs.git_revision()}
    parameters = {**order, "train_rows": frozen.train_rows if frozen else 0}
    with (
        tempfile.TemporaryDirectory(prefix="training-") as scratch,
        runs.training_run(registry, training_key=key, name=order["family"], parameters=parameters) as run_id,
    ):
        started = time.monotonic()
        model = fit(order, frame)
        seconds = time.monotonic() - started
        folder = Path(scratch) / "package"
        digest = package.write(model, folder)
        cost = {**measured(model, folder), "train_seconds": round(seconds, 3)}
        if frame is not None:
            _log_holdout(registry, run_id, model, frame, Path(scratch))
        registry.note(run_id, training=training, cost=cost)
        found = registry.register(folder, digest=digest, family=order["family"], run_id=run_id, training_key=key)
    return found, training, cost


def _log_holdout(registry: Registry, run_id: str, model: Model, frame: pd.DataFrame, scratch: Path) -> None:
    """Figures and plots for people; decisions are made from `evaluate` alone."""
    rows = frame[frame["part"] == "holdout"]
    labels = np.array([CODES[label] for label in rows["label"]])
    proba = np.asarray(model.predict_proba(rows["text"].tolist()), dtype=np.float64)
    registry.log(run_id, figures(labels, proba), plots.draw(labels, proba, scratch))


def measured(model: Model, folder: Path) -> dict[str, float]:
    """What the model costs: p99 milliseconds for one tweet, peak memory and artefact size in megabytes."""
    text = "@united thanks for nothing, flight delayed again and nobody tells us why"
    model.predict_proba([text])
    spent = []
    for _ in range(LATENCY_ROUNDS):
        started = time.perf_counter()
        model.predict_proba([text])
        spent.append(1000 * (time.perf_counter() - started))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    cost = Cost(
        p99_ms=round(float(np.percentile(spent, 99)), 3),
        memory_mb=round(runs.peak_memory_mb(), 1),
        artefact_mb=round(size / 1e6, 3),
    )
    return {name: value for name, value in asdict(cost).items() if value is not None}
