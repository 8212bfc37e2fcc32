"""Train a version again from its recorded snapshot, seed and options, and compare the predictions."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sentiment_lib.registry import mlflow_runs, model_package
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training import inputs as learning
from sentiment_lib.steps.training import snapshot as snapshot_step
from sentiment_lib.storage import model_versions, snapshots
from sentiment_lib.storage.engine import Store

#: What a version without a snapshot is compared on.
WITHOUT_SNAPSHOT = ("@united thank you", "worst flight ever", "when does the gate open")


@dataclass(frozen=True, kw_only=True)
class ReproduceResult:
    """How close the second training came; `identical` means equal probabilities for every holdout row."""

    version: int
    family: str
    rows: int
    identical: bool
    #: largest difference of a probability
    deviation: float
    #: share of rows with the same label
    same_labels: float
    #: whether even the package has the same digest
    same_digest: bool
    #: what differs between then and now: package versions, processor, code revision
    differences: tuple[str, ...]


def run(store: Store, settings: Settings, *, version: int) -> ReproduceResult:
    """Retrain and compare on the holdout rows of the version's snapshot; nothing is registered."""
    with store.begin() as connection:
        known = model_versions.by_version(connection, version)
        training, _ = model_versions.details(connection, version)
        frozen = snapshots.by_id(connection, known.snapshot_id) if known.snapshot_id else None
    frame = snapshot_step.read(settings, frozen) if frozen else None
    texts = frame.loc[frame["part"] == "holdout", "text"].tolist() if frame is not None else list(WITHOUT_SNAPSHOT)
    inputs = learning.recall(store, settings, training.get("inputs", {}))
    again = learning.fit(training, frame, inputs)
    with tempfile.TemporaryDirectory(prefix="reproduce-") as scratch:
        folder = Path(scratch) / "package"
        digest = model_package.write(again, folder)
        # through the package, as the original went: what is compared is what would serve
        new = model_package.read(folder, digest).predict_proba(texts)
    old = Registry(settings).load(version, known.digest).predict_proba(texts)
    return ReproduceResult(
        version=version,
        family=known.family,
        rows=len(texts),
        identical=bool(np.array_equal(old, new)),
        deviation=float(np.abs(old - new).max()),
        same_labels=float((old.argmax(axis=1) == new.argmax(axis=1)).mean()),
        same_digest=digest == known.digest,
        differences=_differences(training, inputs.note),
    )


def _differences(training: Mapping[str, Any], inputs: Mapping[str, Any]) -> tuple[str, ...]:
    then = {"revision": training.get("revision"), **(training.get("environment") or {}), **training.get("inputs", {})}
    now = {"revision": mlflow_runs.git_revision(), **mlflow_runs.environment(), **inputs}
    return tuple(f"{key}: {then.get(key)} -> {now.get(key)}" for key in now if then.get(key) != now.get(key))
