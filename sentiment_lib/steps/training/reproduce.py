"""Train a version again from its recorded snapshot, seed and options, and compare predictions and package."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentiment_lib import progress
from sentiment_lib.registry import mlflow_runs, model_package
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.scratch import scratch_folder
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training import inputs as training_inputs
from sentiment_lib.steps.training import snapshot_files
from sentiment_lib.storage import model_versions, snapshots
from sentiment_lib.storage.engine import Store
from sentiment_lib.text.normalise import normaliser
from sentiment_lib.training_record import TrainingInputs, TrainingRecord

#: Texts on which a version without a snapshot is compared.
WITHOUT_SNAPSHOT = ("@united thank you", "worst flight ever", "when does the gate open")


@dataclass(frozen=True, kw_only=True)
class ReproduceResult:
    """Comparison of both trainings; `identical` means equal probabilities for every holdout row."""

    version: int
    family: str
    rows: int
    identical: bool
    #: largest difference of a probability
    deviation: float
    #: share of rows with the same label
    same_labels: float
    #: whether the packages have the same digest
    same_digest: bool
    #: model files that differ; equal predictions on the holdout say nothing about texts that are not in it
    different_files: tuple[str, ...]
    #: what differs between then and now: package versions, processor, code revision
    differences: tuple[str, ...]


def run(store: Store, settings: Settings, *, version: int) -> ReproduceResult:
    """Train again and compare on the holdout rows of the version's snapshot; nothing is registered.

    Raises NotFound for an unknown version, UnsafeArtefact when a package was changed, LedgerBroken when the snapshot's
    file was changed.
    """
    with store.begin() as connection:
        registered = model_versions.by_version(connection, version)
        training, _ = model_versions.training_of(connection, version)
        snapshot = snapshots.by_id(connection, registered.snapshot_id) if registered.snapshot_id else None
    frame = snapshot_files.read(store, settings, snapshot) if snapshot else None
    texts = frame.loc[frame["part"] == "holdout", "text"].tolist() if frame is not None else list(WITHOUT_SNAPSHOT)
    inputs = training_inputs.load_inputs(store, settings, training.inputs)
    registry = Registry(settings)
    progress.report(f"Loading version {version}")
    original = registry.load(version, registered.digest)
    files = model_package.verify(registry.fetch(version, registered.digest), registered.digest)["files"]
    with scratch_folder() as scratch:
        folder = scratch / "package"
        with normaliser(model_package.normaliser_of(original)):
            digest = model_package.write(training_inputs.fit(training, frame, inputs, progress=_report), folder)
        # written and read as a package, like the original, so that the served model is compared
        progress.report(f"Comparing {len(texts):,} predictions")
        new = model_package.read(folder, digest).predict_proba(texts)
        new_files = model_package.verify(folder, digest)["files"]
    old = original.predict_proba(texts)
    return ReproduceResult(
        version=version,
        family=registered.family,
        rows=len(texts),
        identical=bool(np.array_equal(old, new)),
        deviation=float(np.abs(old - new).max()),
        same_labels=float((old.argmax(axis=1) == new.argmax(axis=1)).mean()),
        same_digest=digest == registered.digest,
        different_files=tuple(sorted(n for n in {*files, *new_files} if files.get(n) != new_files.get(n))),
        differences=_differences(training, inputs.record),
    )


def _report(share: float, doing: str) -> bool:
    """Progress of a training that no deadline ends."""
    progress.report(f"Training again: {doing}", share, 1)
    return True


def _differences(training: TrainingRecord, inputs: TrainingInputs) -> tuple[str, ...]:
    then = {"revision": training.revision, **training.environment, **training.inputs.to_json()}
    now = {"revision": mlflow_runs.git_revision(), **mlflow_runs.environment(), **inputs.to_json()}
    return tuple(f"{key}: {then.get(key)} -> {now.get(key)}" for key in now if then.get(key) != now.get(key))
