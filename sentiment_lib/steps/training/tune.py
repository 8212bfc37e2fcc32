"""The search for options before a training: each trial a run under the training's own, the outcome a note beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from sentiment_lib.families.tuning import successive_halving
from sentiment_lib.files import write_atomically
from sentiment_lib.registry import mlflow_runs
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training.cost import within
from sentiment_lib.steps.training.inputs import CODES, Inputs


def searched(
    registry: Registry,
    settings: Settings,
    run_id: str,
    order: Mapping[str, Any],
    frame: pd.DataFrame | None,
    inputs: Inputs,
    kept: Path,
) -> dict[str, Any]:
    """The order with the options that won, and under `search` how; the order as it is when the policy asks for none.

    The outcome waits in the file `kept` for the end of the training: a training that is killed after its search takes
    it from there. One that is killed in its search begins it again.

    Trials begin from the checkpoint also where the training will not: the champion learned from the rows that judge
    them, and would praise whatever changes it least.
    """
    count = settings.policy.retrain.search_trials
    if not count or frame is None:
        return dict(order)
    note = _read(kept, count)
    if note is None:
        outcome = _search(registry, settings, run_id, order, frame[frame["part"] == "train"], inputs)
        note = _note(outcome, order, count, run_id)
        write_atomically(kept, note)
    registry.client.log_param(run_id, "options_found", note["found"])
    for name in ("configurations", "trials", "cpu_seconds"):
        registry.client.log_metric(run_id, f"search_{name}", note[name])
    return {**order, "options": {**order["options"], **note["found"]}, "search": note}


def _search(
    registry: Registry,
    settings: Settings,
    run_id: str,
    order: Mapping[str, Any],
    rows: pd.DataFrame,
    inputs: Inputs,
) -> successive_halving.Outcome:
    def told(trial: successive_halving.Trial) -> None:
        figures = {"log_loss": trial.score, "macro_f1": trial.macro_f1, "cpu_seconds": trial.cpu_seconds}
        place = {"configuration": trial.configuration, "rung": trial.rung, "rows": trial.rows}
        mlflow_runs.nested_run(
            registry,
            run_id,
            name=f"{order['family']} {trial.configuration} on {trial.rows} rows",
            parameters={**place, "options": dict(trial.options)},
            figures={name: figure for name, figure in figures.items() if figure is not None},
            problem=trial.problem,
        )

    return successive_halving.search(
        order["family"],
        rows["text"].tolist(),
        [CODES[label] for label in rows["label"]],
        seed=order["seed"],
        count=settings.policy.retrain.search_trials,
        # what a champion learned may be rows that a trial is judged on
        options={name: value for name, value in order["options"].items() if name not in ("start", "distillation")},
        created_at=rows["created_at"].tolist(),
        unlabelled=inputs.unlabelled,
        progress=within(settings.policy.retrain.search_minutes, "search_minutes"),
        on_trial=told,
    )


def _note(outcome: successive_halving.Outcome, order: Mapping[str, Any], asked: int, run_id: str) -> dict[str, Any]:
    """What the training's record says of the search; trials themselves are runs under `run_id`."""
    return {
        "asked": asked,
        "ordered": dict(order["options"]),
        "found": dict(outcome.options),
        "winner": outcome.winner,
        "configurations": outcome.configurations,
        "trials": len(outcome.trials),
        "failed": sum(trial.problem is not None for trial in outcome.trials),
        "rungs": list(outcome.rungs),
        "complete": outcome.complete,
        "gain": outcome.gain,
        "gain_needed": outcome.gain_needed,
        "stopped": outcome.stopped,
        "cpu_seconds": round(sum(trial.cpu_seconds for trial in outcome.trials), 3),
        "run_id": run_id,
    }


def _read(kept: Path, asked: int) -> dict[str, Any] | None:
    if not kept.is_file():
        return None
    note: dict[str, Any] = json.loads(kept.read_text())
    return note if note["asked"] == asked else None
