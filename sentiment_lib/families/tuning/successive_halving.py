"""Hyperparameter search: successive halving on time-ordered folds.

Jamieson, Talwalkar: Non-stochastic Best Arm Identification and Hyperparameter Optimization, AISTATS 2016.
Configurations are tried on few rows, the best third of them on three times as many, and so on. Rows, folds and the
number of configurations alone decide what is run: the same seed gives the same winner however busy the machine is.

The defaults are configuration 0 and stay in every rung. Configurations are ranked by log loss. One that replaces the
defaults must have a significantly lower log loss on the same rows (one-sided, Bonferroni-corrected) and no lower
macro-F1. Why: docs/decisions/0008-hyperparameter-search.md.
"""

from __future__ import annotations

import itertools
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import TrainingCancelled
from sentiment_lib.families import catalog
from sentiment_lib.families.base import Progress
from sentiment_lib.families.calibration import TINY
from sentiment_lib.statistics.metrics import macro_f1

#: Each rung keeps 1/ETA of the configurations and gives them ETA times the rows.
ETA = 3
#: The newest rows validate, in FOLDS blocks of this share; models for a block learn from older rows alone.
FOLDS, FOLD_SHARE = 2, 0.125
#: Fewest rows to learn from, and fewest in a block; with fewer, a ranking is noise.
MIN_ROWS, MIN_BLOCK = 100, 30
#: Significance level: probability that any configuration replaces the defaults when none is better.
ALPHA = 0.05


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One configuration on one rung."""

    configuration: int
    options: Mapping[str, Any]
    #: from 0; later rungs have more rows
    rung: int
    #: rows that each fold's model learns from, the newest before its block
    rows: int
    #: mean log loss over the validation rows, lower is better; None when the trial failed
    score: float | None = None
    macro_f1: float | None = None
    cpu_seconds: float = 0.0
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The winning options, and every trial in the order they ran."""

    winner: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()
    configurations: int = 0
    #: planned rows of each rung, and how many rungs were completed
    rungs: tuple[int, ...] = ()
    complete: int = 0
    #: score of the defaults minus that of the best other without a lower macro-F1, and its critical value
    gain: float | None = None
    gain_needed: float | None = None
    #: why it ended before its last rung, or did not begin
    stopped: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Rows:
    texts: Sequence[str]
    labels: NDArray[np.int64]
    created_at: Sequence[datetime] | None
    unlabelled: Sequence[str]


def configurations(family: str, seed: int, count: int, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The defaults ({}), then distinct random configurations: `count` in all, or the whole search space.

    What `options` fix is not searched. UnknownFamily when there is no such family.
    """
    whole = catalog.family(family).search_space(options)
    space = {name: values for name, values in whole.items() if name not in options}
    if not space:
        return [{}]
    grid = [dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())]
    return [{}, *random.Random(f"{family} {seed}").sample(grid, min(max(count - 1, 0), len(grid)))]


def ladder(rows: int, count: int) -> tuple[int, ...]:
    """Rows of each rung, of which the last has `rows`; empty when there are too few for any."""
    if rows < MIN_ROWS:
        return ()
    steps = 0
    while ETA ** (steps + 1) <= count and rows // ETA ** (steps + 1) >= MIN_ROWS:
        steps += 1
    return tuple(rows // ETA**step for step in range(steps, -1, -1))


def search(
    family: str,
    texts: Sequence[str],
    labels: Sequence[int],
    *,
    seed: int,
    count: int,
    options: Mapping[str, Any] | None = None,
    created_at: Sequence[datetime] | None = None,
    unlabelled: Sequence[str] = (),
    progress: Progress | None = None,
    on_trial: Callable[[Trial], None] | None = None,
) -> Outcome:
    """Best of `count` configurations for n texts in order of time and their n labels, indices into LABELS.

    `options` apply to every training and are not searched. Progress that returns False ends the search: the winner is
    then the best of the last complete rung, or the defaults. `on_trial` is called after each trial. A trial that raises
    is recorded with its problem, and the others go on.
    """
    fixed = dict(options or {})
    candidates = configurations(family, seed, count, fixed)
    block = int(len(texts) * FOLD_SHARE)
    rungs = ladder(len(texts) - FOLDS * block, len(candidates))
    if len(candidates) < 2:
        return Outcome(stopped=f"{family} has nothing to search")
    if not rungs or block < MIN_BLOCK:
        problem = f"{len(texts)} rows are too few to tell configurations apart"
        return Outcome(configurations=len(candidates), stopped=problem)
    rows = _Rows(texts=texts, labels=np.asarray(labels, dtype=np.int64), created_at=created_at, unlabelled=unlabelled)
    work = sum(size * most for size, most in zip(rungs, max_trials(len(candidates), rungs), strict=True))
    tracker = _ProgressTracker(progress, work)
    outcome = Outcome(configurations=len(candidates), rungs=rungs)
    alive = list(range(len(candidates)))
    for rung, size in enumerate(rungs):
        losses: dict[int, NDArray[np.float64]] = {}
        for number in alive:
            trial = Trial(configuration=number, options=candidates[number], rung=rung, rows=size)
            try:
                trial, losses[number] = _run_trial(trial, family, rows, block, seed, fixed, tracker)
            except TrainingCancelled as error:
                return replace(outcome, stopped=str(error))
            if on_trial is not None:
                on_trial(trial)
            outcome = replace(outcome, trials=(*outcome.trials, trial))
        ranked = sorted((number for number in alive if losses[number].size), key=lambda n: (losses[n].mean(), n))
        outcome = replace(_select(outcome, losses), complete=rung + 1)
        best = ranked[: math.ceil(len(alive) / ETA)]
        alive = best if 0 in best else [0, *best]
    return outcome


def max_trials(count: int, rungs: Sequence[int]) -> list[int]:
    """Most configurations that each rung runs."""
    trials = [count]
    for _ in rungs[1:]:
        trials.append(math.ceil(trials[-1] / ETA) + 1)
    return trials


def _select(outcome: Outcome, losses: Mapping[int, NDArray[np.float64]]) -> Outcome:
    """The outcome with the winner of its last rung, and the gain of the best configuration over the defaults."""
    rung = outcome.trials[-1].rung
    trials = {trial.configuration: trial for trial in outcome.trials if trial.rung == rung and trial.score is not None}
    defaults = trials.pop(0, None)
    ranked = sorted(trials.values(), key=lambda trial: (trial.score, trial.configuration))
    if defaults is not None and defaults.macro_f1 is not None:
        floor = defaults.macro_f1
        ranked = [trial for trial in ranked if trial.macro_f1 is not None and trial.macro_f1 >= floor]
    if not ranked:
        return replace(outcome, winner=0, options={}, gain=None, gain_needed=None)
    best, gain, needed = ranked[0], None, None
    if defaults is not None:
        difference = losses[0] - losses[best.configuration]
        quantile = NormalDist().inv_cdf(1 - ALPHA / (outcome.configurations - 1))
        error = float(difference.std(ddof=1) / math.sqrt(difference.size))
        gain, needed = float(difference.mean()), quantile * error
        if gain <= needed:
            return replace(outcome, winner=0, options={}, gain=gain, gain_needed=needed)
    return replace(outcome, winner=best.configuration, options=best.options, gain=gain, gain_needed=needed)


def _run_trial(
    trial: Trial, family: str, rows: _Rows, block: int, seed: int, fixed: Mapping[str, Any], tracker: _ProgressTracker
) -> tuple[Trial, NDArray[np.float64]]:
    """The trial with its scores, and the log loss of each validation row (m,); empty when it failed."""
    started, proba, truth = time.process_time(), [], []
    try:
        for fold in range(FOLDS):
            first = len(rows.texts) - (FOLDS - fold) * block
            earlier, validation = slice(first - trial.rows, first), slice(first, first + block)
            model = catalog.train(
                family,
                rows.texts[earlier],
                rows.labels[earlier].tolist(),
                seed=seed,
                created_at=None if rows.created_at is None else rows.created_at[earlier],
                unlabelled=rows.unlabelled,
                progress=tracker.for_fold(trial, fold),
                **{**fixed, **trial.options},
            )
            proba.append(model.predict_proba(rows.texts[validation]))
            truth.append(rows.labels[validation])
    except TrainingCancelled:
        raise
    except Exception as error:  # whatever a library raises for unusual options fails this trial alone
        tracker.finish(trial)
        spent = round(time.process_time() - started, 3)
        problem = f"{type(error).__name__}: {error}"
        return replace(trial, cpu_seconds=spent, problem=problem), np.empty(0)
    tracker.finish(trial)
    probabilities, labels = np.vstack(proba), np.concatenate(truth)
    losses = -np.log(np.clip(probabilities[np.arange(len(labels)), labels], TINY, 1))
    macro = macro_f1(labels, probabilities.argmax(axis=1))
    spent = round(time.process_time() - started, 3)
    return replace(trial, score=float(losses.mean()), macro_f1=macro, cpu_seconds=spent), losses


class _ProgressTracker:
    """Progress of the whole search, from that of its trainings."""

    def __init__(self, progress: Progress | None, work: int) -> None:
        self._progress = progress
        self._work = work
        self._done = 0

    def for_fold(self, trial: Trial, fold: int) -> Progress:
        """Progress callback for one training of the trial."""

        def report(share: float, doing: str) -> bool:
            if self._progress is None:
                return True
            done = (self._done + trial.rows * (fold + share) / FOLDS) / self._work
            return self._progress(min(done, 1.0), f"configuration {trial.configuration}, rung {trial.rung}: {doing}")

        return report

    def finish(self, trial: Trial) -> None:
        """Count a trial as done, whether it failed or not."""
        self._done += trial.rows
