"""Hyperparameter search before a training; each trial is an MLflow run nested under the training's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sentiment_lib.families.tuning import successive_halving
from sentiment_lib.files import write_atomically
from sentiment_lib.records import LABEL_CODES
from sentiment_lib.registry import mlflow_runs
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training.inputs import LoadedInputs
from sentiment_lib.steps.training.time_budget import log_progress
from sentiment_lib.training_record import SearchRecord, TrainingSpec


@dataclass(frozen=True, kw_only=True)
class Run:
    """The MLflow run of a training."""

    registry: Registry
    run_id: str


def tune(
    run: Run, settings: Settings, spec: TrainingSpec, frame: pd.DataFrame | None, inputs: LoadedInputs, path: Path
) -> SearchRecord | None:
    """Search the family's hyperparameters on the training rows; None when the policy asks for no search.

    The outcome is cached in the file `path` until the training ends: a training killed after its search reads it from
    there; one killed during the search restarts the search.

    Trials start from the checkpoint even if the training warm-starts: the champion was trained on the validation
    folds, which would favour options that change it least.
    """
    count = settings.policy.retrain.search_trials
    if not count or frame is None:
        return None
    record = _read(path, count)
    if record is None:
        outcome = _search(run, settings, spec, frame[frame["part"] == "train"], inputs)
        record = _describe(outcome, spec, count, run.run_id)
        write_atomically(path, vars(record))
    client = run.registry.client
    client.log_param(run.run_id, "options_found", record.found)
    for name in ("configurations", "trials", "cpu_seconds"):
        client.log_metric(run.run_id, f"search_{name}", getattr(record, name))
    return record


def _search(
    run: Run, settings: Settings, spec: TrainingSpec, rows: pd.DataFrame, inputs: LoadedInputs
) -> successive_halving.Outcome:
    def on_trial(trial: successive_halving.Trial) -> None:
        metrics = {"log_loss": trial.score, "macro_f1": trial.macro_f1, "cpu_seconds": trial.cpu_seconds}
        position = {"configuration": trial.configuration, "rung": trial.rung, "rows": trial.rows}
        mlflow_runs.nested_run(
            run.registry,
            run.run_id,
            name=f"{spec.family} {trial.configuration} on {trial.rows} rows",
            parameters={**position, "options": dict(trial.options)},
            metrics={name: value for name, value in metrics.items() if value is not None},
            problem=trial.problem,
        )

    return successive_halving.search(
        spec.family,
        rows["text"].tolist(),
        [LABEL_CODES[label] for label in rows["label"]],
        seed=spec.seed,
        count=settings.policy.retrain.search_trials,
        # leakage: the champion may have been trained on a trial's validation rows
        options={name: value for name, value in spec.options.items() if name not in ("start", "distillation")},
        created_at=rows["created_at"].tolist(),
        unlabelled=inputs.unlabelled,
        progress=log_progress(settings.policy.retrain.search_minutes, "search_minutes"),
        on_trial=on_trial,
    )


def _describe(outcome: successive_halving.Outcome, spec: TrainingSpec, count: int, run_id: str) -> SearchRecord:
    return SearchRecord(
        requested_trials=count,
        fixed_options=dict(spec.options),
        found=dict(outcome.options),
        winner=outcome.winner,
        configurations=outcome.configurations,
        trials=len(outcome.trials),
        failed=sum(trial.problem is not None for trial in outcome.trials),
        rungs=tuple(outcome.rungs),
        complete=outcome.complete,
        gain=outcome.gain,
        gain_needed=outcome.gain_needed,
        stopped=outcome.stopped,
        cpu_seconds=round(sum(trial.cpu_seconds for trial in outcome.trials), 3),
        run_id=run_id,
    )


def _read(path: Path, count: int) -> SearchRecord | None:
    if not path.is_file():
        return None
    record = SearchRecord.from_json(json.loads(path.read_text()))
    return record if record.requested_trials == count else None
