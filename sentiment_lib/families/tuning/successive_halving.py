"""Options that suit the labelled tweets better than the defaults: successive halving on folds in the order of time.

Jamieson, Talwalkar: Non-stochastic Best Arm Identification and Hyperparameter Optimization, AISTATS 2016.
Configurations are tried on few rows, the better third of them on three times as many, and so on. Rows, folds and the
number of configurations alone decide what is run: the same seed gives the same winner however busy the machine is.

The default is configuration 0 and stays in every rung. Log loss ranks. What wins over the default must have less of it
by more than luck gives the best of so many on the same rows (one-sided, Bonferroni), and no lower macro-F1. Why:
docs/decisions/0008-hyperparameter-search.md.
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
from sentiment_lib.families.tuning.search_spaces import space

#: Each rung keeps one configuration of so many, and gives it so many times the rows.
ETA = 3
#: The newest rows judge, in so many blocks of this share; each is judged by what learned from older rows alone.
FOLDS, FOLD = 2, 0.125
#: Fewer rows than this to learn from, or in one block to be judged on, tell configurations apart by luck.
SMALLEST, FEWEST_JUDGED = 100, 30
#: Chance that any configuration wins over the default when none is better.
LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One configuration on one rung."""

    configuration: int
    options: Mapping[str, Any]
    #: from 0; later rungs have more rows
    rung: int
    #: newest earlier rows that each fold's model learned from
    rows: int
    #: mean log loss over the judged rows, lower is better; None when the trial failed
    score: float | None = None
    macro_f1: float | None = None
    cpu_seconds: float = 0.0
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Which options won, and every trial in the order they ran."""

    winner: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()
    configurations: int = 0
    #: rows of each rung as planned, and how many of the rungs were completed
    rungs: tuple[int, ...] = ()
    complete: int = 0
    #: score of the default minus that of the best other without a lower macro-F1, and what it had to exceed
    gain: float | None = None
    gain_needed: float | None = None
    #: why it ended before its last rung, or never began
    stopped: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Rows:
    texts: Sequence[str]
    labels: NDArray[np.int64]
    created_at: Sequence[datetime] | None
    unlabelled: Sequence[str]


def configurations(family: str, seed: int, count: int, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The default, then different draws from what the given options leave open: `count` together, or all there are."""
    open_ = space(family, options)
    if not open_:
        return [{}]
    every = [dict(zip(open_, chosen, strict=True)) for chosen in itertools.product(*open_.values())]
    return [{}, *random.Random(f"{family} {seed}").sample(every, min(max(count - 1, 0), len(every)))]


def ladder(rows: int, count: int) -> tuple[int, ...]:
    """Rows of each rung, of which the last has `rows`; empty when there are too few for any."""
    if rows < SMALLEST:
        return ()
    steps = 0
    while ETA ** (steps + 1) <= count and rows // ETA ** (steps + 1) >= SMALLEST:
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
    told: Callable[[Trial], None] | None = None,
) -> Outcome:
    """Best of `count` configurations for texts (n,) in the order of time and labels (n,), places in LABELS.

    `options` are given to every training and not searched. Progress that answers False ends the search: the best of
    the last complete rung is then the winner, the default when there is none. `told` hears of each trial as it ends. A
    trial that raises is recorded with its problem, and the others go on.
    """
    given = dict(options or {})
    drawn = configurations(family, seed, count, given)
    block = int(len(texts) * FOLD)
    rungs = ladder(len(texts) - FOLDS * block, len(drawn))
    if len(drawn) < 2:
        return Outcome(stopped=f"{family} has nothing to search")
    if not rungs or block < FEWEST_JUDGED:
        return Outcome(configurations=len(drawn), stopped=f"{len(texts)} rows are too few to tell configurations apart")
    rows = _Rows(texts=texts, labels=np.asarray(labels, dtype=np.int64), created_at=created_at, unlabelled=unlabelled)
    watched = _Watched(progress, sum(size * kept for size, kept in zip(rungs, planned(len(drawn), rungs), strict=True)))
    outcome = Outcome(configurations=len(drawn), rungs=rungs)
    alive = list(range(len(drawn)))
    for rung, size in enumerate(rungs):
        losses: dict[int, NDArray[np.float64]] = {}
        for number in alive:
            trial = Trial(configuration=number, options=drawn[number], rung=rung, rows=size)
            try:
                trial, losses[number] = _tried(trial, family, rows, block, seed, given, watched)
            except TrainingCancelled as error:
                return replace(outcome, stopped=str(error))
            if told is not None:
                told(trial)
            outcome = replace(outcome, trials=(*outcome.trials, trial))
        ranked = sorted((number for number in alive if losses[number].size), key=lambda n: (losses[n].mean(), n))
        outcome = replace(_judged(outcome, losses), complete=rung + 1)
        best = ranked[: math.ceil(len(alive) / ETA)]
        alive = best if 0 in best else [0, *best]
    return outcome


def planned(count: int, rungs: Sequence[int]) -> list[int]:
    """Most configurations that each rung runs."""
    kept = [count]
    for _ in rungs[1:]:
        kept.append(math.ceil(kept[-1] / ETA) + 1)
    return kept


def _judged(outcome: Outcome, losses: Mapping[int, NDArray[np.float64]]) -> Outcome:
    """The outcome after its last rung of trials, with the winner and how far it, or the nearest other, is ahead."""
    rung = outcome.trials[-1].rung
    here = {trial.configuration: trial for trial in outcome.trials if trial.rung == rung and trial.score is not None}
    usual = here.pop(0, None)
    ranked = sorted(here.values(), key=lambda trial: (trial.score, trial.configuration))
    if usual is not None and usual.macro_f1 is not None:
        floor = usual.macro_f1
        ranked = [trial for trial in ranked if trial.macro_f1 is not None and trial.macro_f1 >= floor]
    if not ranked:
        return replace(outcome, winner=0, options={}, gain=None, gain_needed=None)
    best, gain, needed = ranked[0], None, None
    if usual is not None:
        difference = losses[0] - losses[best.configuration]
        times = NormalDist().inv_cdf(1 - LEVEL / (outcome.configurations - 1))
        gain, needed = float(difference.mean()), times * float(difference.std(ddof=1) / math.sqrt(difference.size))
        if gain <= needed:
            return replace(outcome, winner=0, options={}, gain=gain, gain_needed=needed)
    return replace(outcome, winner=best.configuration, options=best.options, gain=gain, gain_needed=needed)


def _tried(
    trial: Trial, family: str, rows: _Rows, block: int, seed: int, given: Mapping[str, Any], watched: _Watched
) -> tuple[Trial, NDArray[np.float64]]:
    """The trial with its figures, and the loss of each judged row (m,); none when it failed."""
    started, proba, truth = time.process_time(), [], []
    try:
        for fold in range(FOLDS):
            first = len(rows.texts) - (FOLDS - fold) * block
            earlier, judged = slice(first - trial.rows, first), slice(first, first + block)
            model = catalog.train(
                family,
                rows.texts[earlier],
                rows.labels[earlier].tolist(),
                seed=seed,
                created_at=None if rows.created_at is None else rows.created_at[earlier],
                unlabelled=rows.unlabelled,
                progress=watched.part(trial, fold),
                **{**given, **trial.options},
            )
            proba.append(model.predict_proba(rows.texts[judged]))
            truth.append(rows.labels[judged])
    except TrainingCancelled:
        raise
    except Exception as error:  # whatever a library raises for odd options concerns this trial alone
        watched.finish(trial)
        spent = round(time.process_time() - started, 3)
        problem = f"{type(error).__name__}: {error}"
        return replace(trial, cpu_seconds=spent, problem=problem), np.empty(0)
    watched.finish(trial)
    losses, macro = _scored(np.vstack(proba), np.concatenate(truth))
    spent = round(time.process_time() - started, 3)
    return replace(trial, score=float(losses.mean()), macro_f1=macro, cpu_seconds=spent), losses


def _scored(proba: NDArray[np.float64], truth: NDArray[np.int64]) -> tuple[NDArray[np.float64], float]:
    """Log loss of each row (n,), and macro-F1."""
    from sklearn.metrics import f1_score

    losses = -np.log(np.clip(proba[np.arange(len(truth)), truth], TINY, 1))
    return losses, float(f1_score(truth, proba.argmax(axis=1), average="macro", zero_division=0))


class _Watched:
    """Progress of the whole search, told from the trainings inside of it."""

    def __init__(self, progress: Progress | None, work: int) -> None:
        self._progress = progress
        self._work = work
        self._done = 0

    def part(self, trial: Trial, fold: int) -> Progress:
        """What one training inside of the trial reports to."""

        def told(share: float, doing: str) -> bool:
            if self._progress is None:
                return True
            done = (self._done + trial.rows * (fold + share) / FOLDS) / self._work
            return self._progress(min(done, 1.0), f"configuration {trial.configuration}, rung {trial.rung}: {doing}")

        return told

    def finish(self, trial: Trial) -> None:
        """One trial is over, well or not."""
        self._done += trial.rows
