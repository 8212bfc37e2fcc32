"""Train one family on a snapshot and register it as a candidate."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentiment_lib.families import catalog
from sentiment_lib.families.base import Model
from sentiment_lib.hashing import hash_text
from sentiment_lib.records import ModelVersion, Snapshot
from sentiment_lib.registry import holdout_plots, mlflow_runs, model_package
from sentiment_lib.registry.mlflow_registry import Registered, Registry
from sentiment_lib.registry.model_card import card
from sentiment_lib.settings import Settings
from sentiment_lib.statistics.metrics import classification_metrics
from sentiment_lib.steps.training import card_facts, time_budget, tune
from sentiment_lib.steps.training import inputs as learning
from sentiment_lib.steps.training import snapshot as snapshot_step
from sentiment_lib.steps.training.cost import Stopwatch, cost_of
from sentiment_lib.steps.training.inputs import CODES
from sentiment_lib.storage import model_versions, snapshots
from sentiment_lib.storage.engine import Store, lock


def run(
    store: Store,
    settings: Settings,
    *,
    snapshot_id: int,
    family: str,
    run_key: str,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    began: datetime | None = None,
) -> ModelVersion:
    """The candidate of this snapshot, family and run; asked again for the same, it is found and not trained again.

    Without options the policy's are taken. `began` is when its retrain did, whose time it shares (budget.py).
    """
    chosen = settings.policy.retrain.options.get(family, {}) if options is None else options
    with store.begin() as connection:
        frozen = snapshots.by_id(connection, snapshot_id)
    order = {"family": family, "seed": seed, "options": dict(chosen), "snapshot_hash": frozen.content_hash}
    key = training_key(run_key, order)
    return _registered(store, settings, key, order, frozen, began)


def untrained(store: Store, settings: Settings, *, family: str) -> ModelVersion:
    """A version of a family that needs no training data."""
    order: dict[str, Any] = {"family": family, "seed": 0, "options": {}, "snapshot_hash": None}
    return _registered(store, settings, training_key("untrained", order), order, None)


def training_key(run_key: str, order: Mapping[str, Any]) -> str:
    """Who asked and what for, in one short string that MLflow can search for."""
    return hash_text(f"{run_key}\n{sorted(order.items())}")


def _registered(
    store: Store,
    settings: Settings,
    key: str,
    order: dict[str, Any],
    frozen: Snapshot | None,
    began: datetime | None = None,
) -> ModelVersion:
    registry = Registry(settings)
    with store.begin() as connection:
        known = model_versions.by_training_key(connection, key)
    if known:
        return known
    # an earlier try may have been killed after MLflow had the version, and before the database knew of it
    found = registry.find(key)
    if found:
        training, cost = registry.notes(found.run_id)
    else:
        # families that do not go on after a kill begin anew: what they did before is lost, and no part of the cost
        resumes = catalog.family(order["family"]).resumes(order["options"])
        watch = Stopwatch(_checkpoints(settings, key) / "spent.json" if resumes else None)
        timed = time_budget.limited(
            settings, family=order["family"], began=began, now=datetime.now(UTC), spent=watch.wall / 60
        )
        found, training, cost = _train(store, registry, timed, key, order, frozen, watch)
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
        known = model_versions.by_training_key(connection, key)
        if known:
            return known
        model_versions.store(connection, version, training_key=key, training=training, cost=cost)
    # until the version is known, each of the steps above may be killed and must find what was trained
    shutil.rmtree(_checkpoints(settings, key), ignore_errors=True)
    return version


def _train(
    store: Store,
    registry: Registry,
    settings: Settings,
    key: str,
    order: dict[str, Any],
    frozen: Snapshot | None,
    watch: Stopwatch,
) -> tuple[Registered, dict[str, Any], dict[str, Any]]:
    frame = snapshot_step.read(settings, frozen) if frozen else None
    # a try that was killed left its checkpoint there, and the next one goes on from it
    checkpoints = _checkpoints(settings, key)
    inputs = learning.gather(store, settings, order, frozen, frame, checkpoints / "inputs.json")
    parameters = {**order, "train_rows": frozen.train_rows if frozen else 0}
    with (
        tempfile.TemporaryDirectory(prefix="training-") as scratch,
        mlflow_runs.training_run(registry, training_key=key, name=order["family"], parameters=parameters) as run_id,
    ):
        # what is recorded has the options that were found, so that it can be trained again without a search
        training = {
            **tune.searched(registry, settings, run_id, order, frame, inputs, checkpoints / "search.json"),
            "inputs": dict(inputs.note),
            "environment": mlflow_runs.environment(),
            "revision": mlflow_runs.git_revision(),
        }
        with watch.running():
            progress = time_budget.in_time(settings, order["family"], watch)
            model = learning.fit(training, frame, inputs, progress=progress, checkpoints=checkpoints)
        if went := getattr(model, "circumstances", None):
            training["circumstances"] = went
        folder = Path(scratch) / "package"
        digest = model_package.write(model, folder)
        held = None if frame is None else frame[frame["part"] == "holdout"]
        cost = cost_of(model, folder, watch, [] if held is None else held["text"].tolist())
        proba = None if held is None else _log_holdout(registry, run_id, model, held, Path(scratch))
        registry.note(run_id, training=training, cost=cost)
        text = card(card_facts.facts(model, digest, training, cost, frame, proba), model=registry.name)
        found = registry.register(folder, digest=digest, model=model, run_id=run_id, training_key=key, card=text)
    return found, training, cost


def _checkpoints(settings: Settings, key: str) -> Path:
    return settings.checkpoints / key[:32]


def _log_holdout(
    registry: Registry, run_id: str, model: Model, rows: pd.DataFrame, scratch: Path
) -> NDArray[np.float64]:
    """Figures and plots for people; decisions are made from `evaluate` alone."""
    labels = np.array([CODES[label] for label in rows["label"]])
    proba = np.asarray(model.predict_proba(rows["text"].tolist()), dtype=np.float64)
    registry.log(run_id, classification_metrics(labels, proba), holdout_plots.draw(labels, proba, scratch))
    return proba
