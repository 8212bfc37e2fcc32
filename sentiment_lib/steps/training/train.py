"""Train one family on a snapshot and register the model as a candidate."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pandas as pd

from sentiment_lib import clock
from sentiment_lib import progress as progress_reports
from sentiment_lib.errors import ForgottenMeanwhile
from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.families import catalog
from sentiment_lib.families.options import record_used
from sentiment_lib.files import write_atomically
from sentiment_lib.hashing import hash_text
from sentiment_lib.records import ModelVersion, Severity, Snapshot, SyntheticRows
from sentiment_lib.registry import mlflow_erasure, mlflow_runs, model_package, run_description
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.registry.model_card import card
from sentiment_lib.registry.registered_version import RegisteredVersion
from sentiment_lib.scratch import scratch_folder
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training import card_facts, forgotten_rows, snapshot_files, time_budget, tune
from sentiment_lib.steps.training import inputs as training_inputs
from sentiment_lib.steps.training.cost import Stopwatch, measure_cost
from sentiment_lib.storage import forged_records, model_versions, snapshots, training_rows
from sentiment_lib.storage.alerts import open_alert
from sentiment_lib.storage.engine import Store, lock
from sentiment_lib.training_record import TrainingInputs, TrainingOrder, TrainingRecord, TrainingSpec


@dataclass(frozen=True, kw_only=True)
class _Task:
    """A training under its key, with the folder that it resumes from."""

    key: str
    requested_by: str
    spec: TrainingSpec
    snapshot: Snapshot | None
    folder: Path
    #: what it reads beside its rows, where that is not found out anew
    inputs: TrainingInputs | None = None


def run(
    store: Store, settings: Settings, order: TrainingOrder, *, inputs: TrainingInputs | None = None
) -> ModelVersion:
    """Train the candidate of this order; a repeated order returns the registered version.

    inputs: what the training reads beside its labelled rows; found out by policy and champion when None. Raises
    NotFound for an unknown snapshot, UnknownFamily, BadInput for unknown options, TrainingRefused when the
    retrain's time budget is used up, TrainingCancelled, LedgerBroken, RecordForged for a snapshot that the
    platform did not record, ForgottenMeanwhile when rows of it were erased before it was recorded.
    """
    options = settings.policy.retrain.options.get(order.family, {}) if order.options is None else order.options
    with store.begin() as connection:
        snapshot = snapshots.by_id(connection, order.snapshot_id)
    forged_records.require_recorded(store, "snapshot", order.snapshot_id)
    spec = TrainingSpec(
        family=order.family, seed=order.seed, options=dict(options), snapshot_hash=snapshot.content_hash
    )
    task = replace(_task(settings, order.run_key, spec, snapshot), inputs=inputs)
    return _find_or_train(store, settings, task, order.run_started_at)


def register_untrained(store: Store, settings: Settings, *, family: str) -> ModelVersion:
    """Register a version of a family that needs no training data. Raises UnknownFamily for an unknown name."""
    spec = TrainingSpec(family=family, seed=0, options={}, snapshot_hash=None)
    return _find_or_train(store, settings, _task(settings, "untrained", spec, None), None)


def _task(settings: Settings, run_key: str, spec: TrainingSpec, snapshot: Snapshot | None) -> _Task:
    key = training_key(run_key, spec)
    return _Task(key=key, requested_by=run_key, spec=spec, snapshot=snapshot, folder=settings.checkpoints / key[:32])


def training_key(run_key: str, spec: TrainingSpec) -> str:
    """Identifier of a training in MLflow: SHA-256 of the requester and the spec."""
    return hash_text(f"{run_key}\n{sorted(vars(spec).items())}")


def _find_or_train(store: Store, settings: Settings, task: _Task, run_started_at: datetime | None) -> ModelVersion:
    registry = Registry(settings)
    with store.begin() as connection:
        existing = model_versions.by_training_key(connection, task.key)
    if existing:
        forged_records.require_recorded(store, "training", existing.version)
        return existing
    # an earlier attempt may have been killed between registration in MLflow and in the database
    registered, planted = registry.find(task.key)
    _alert_on_planted(store, planted)
    record, cost = registry.read_training_record(registered.run_id) if registered else (None, None)
    if registered and record and not forgotten_rows.is_current(store, settings, record, task.snapshot):
        # registered by an attempt that was killed, before rows of its snapshot were erased
        mlflow_erasure.discard(registry, registered.version)
        registered = None
    if registered is None or record is None or cost is None:
        # the time of a killed attempt counts only when the family resumes it
        resumes = catalog.family(task.spec.family).resumes(task.spec.options)
        stopwatch = Stopwatch(task.folder / "spent.json" if resumes else None)
        limited = time_budget.apply_budget(
            settings,
            family=task.spec.family,
            run_started_at=run_started_at,
            now=clock.now(),
            spent=stopwatch.wall / 60,
        )
        registered, record, cost = _train(store, limited, registry, task, stopwatch)
    if not forgotten_rows.is_current(store, settings, record, task.snapshot):
        shutil.rmtree(task.folder, ignore_errors=True)
        raise ForgottenMeanwhile(family=task.spec.family)
    version = ModelVersion(
        version=registered.version,
        family=registered.family,
        digest=registered.digest,
        run_id=registered.run_id,
        snapshot_id=task.snapshot.snapshot_id if task.snapshot else None,
        created_at=registered.created_at,
    )
    with store.begin() as connection:
        # no tweet is forgotten between this look and the record
        lock(connection, "snapshot")
        if not forgotten_rows.has_all_rows(connection, record, task.snapshot):
            raise ForgottenMeanwhile(family=task.spec.family)
        # two runs may have registered the same first champion at once: the first one in the database is used
        lock(connection, "ledger")
        existing = model_versions.by_training_key(connection, task.key)
        if existing:
            return existing
        model_versions.store(connection, version, training_key=task.key, training=record, cost=cost)
    # removed last: a killed run must still find its checkpoints
    shutil.rmtree(task.folder, ignore_errors=True)
    return version


def _alert_on_planted(store: Store, versions: Sequence[int]) -> None:
    """Open a critical alert for each unsigned version in MLflow that claims this training's key; none is used."""
    with store.begin() as connection:
        for version in versions:
            open_alert(
                connection,
                kind="unsigned_version",
                severity=Severity.CRITICAL,
                dedup_key=f"unsigned_version/{version}",
                title=f"Version {version} in MLflow claims to be a training of the platform, which did not sign it",
                body="It is not used. A process killed while registering leaves one; otherwise somebody planted it.",
            )


def _train(
    store: Store, settings: Settings, registry: Registry, task: _Task, stopwatch: Stopwatch
) -> tuple[RegisteredVersion, TrainingRecord, Cost]:
    spec, snapshot = task.spec, task.snapshot
    progress_reports.report(f"Preparing {spec.family}")
    frame = snapshot_files.read(store, settings, snapshot) if snapshot else None
    _keep_inputs(task)
    inputs = training_inputs.collect_inputs(store, settings, spec, snapshot, frame, task.folder / "inputs.json")
    with store.begin() as connection:
        synthetic = snapshots.synthetic_rows(connection, snapshot.snapshot_id) if snapshot else SyntheticRows()
    parameters = {
        **vars(spec),
        "train_rows": snapshot.train_rows if snapshot else 0,
        "synthetic_train_rows": synthetic.train,
        "synthetic_holdout_rows": synthetic.holdout,
    }
    revision = mlflow_runs.git_revision()
    with (
        scratch_folder() as scratch,
        mlflow_runs.training_run(
            registry,
            training_key=task.key,
            name=run_description.run_name(spec, snapshot, task.key),
            parameters=parameters,
            synthetic=synthetic,
            tags=run_description.tags(spec, snapshot, requested_by=task.requested_by, revision=revision),
        ) as run_id,
        record_used(spec.family) as used,
    ):
        if snapshot is not None and frame is not None:
            run_description.log_datasets(registry, run_id, snapshot, frame)
        run = tune.Run(registry=registry, run_id=run_id)
        search = tune.tune(run, settings, spec, frame, inputs, task.folder / "search.json")
        # the record has the options found, so that `reproduce` needs no search
        options = {**spec.options, **search.found} if search else spec.options
        record = TrainingRecord(
            **{**vars(spec), "options": options},
            search=search,
            inputs=inputs.record,
            rows=None if frame is None else int((frame["part"] == "train").sum()),
            environment=mlflow_runs.environment(),
            revision=revision,
        )
        with stopwatch.running():
            progress = time_budget.deadline_progress(settings, spec.family, stopwatch)
            model = training_inputs.fit(record, frame, inputs, progress=progress, checkpoints=task.folder)
        progress_reports.report(f"Packing and registering {spec.family}")
        record = replace(record, circumstances=getattr(model, "circumstances", None) or {})
        package = scratch / "package"
        digest = model_package.write(model, package)
        frame = without_inherited(store, frame, inputs.record)
        holdout = None if frame is None else frame[frame["part"] == "holdout"]
        cost = measure_cost(model, package, stopwatch, [] if holdout is None else holdout["text"].tolist())
        if frame is None:
            # nothing was learned: what the watch saw was the loading of a lexicon
            cost = replace(cost, train_seconds=None, train_cpu_seconds=None)
        registry.log_training_record(run_id, record, cost)
        run_description.log_options(registry, run_id, used, getattr(model, "notes", None) or {})
        facts = card_facts.card_facts(model, digest, record, cost, frame, synthetic)
        text = card(facts, model=registry.name)
        registered = registry.register(
            package, digest=digest, model=model, run_id=run_id, training_key=task.key, card=text
        )
    return registered, record, cost


def _keep_inputs(task: _Task) -> None:
    """Write down of which snapshot the folder is, and inputs that were given: a retry after a kill reads them."""
    if task.snapshot is not None:
        write_atomically(task.folder / "snapshot.json", {"snapshot_id": task.snapshot.snapshot_id})
    path = task.folder / "inputs.json"
    if task.inputs is not None and not path.exists():
        write_atomically(path, task.inputs.to_json())


def without_inherited(store: Store, frame: pd.DataFrame | None, record: TrainingInputs) -> pd.DataFrame | None:
    """The snapshot's rows without holdout rows that an ancestor or teacher learned from."""
    if frame is None or not record.parents:
        return frame
    with store.begin() as connection:
        learned = training_rows.learned_tweet_ids(connection, record.parents)
    return frame[(frame["part"] == "train") | ~frame["tweet_id"].isin(learned)]
