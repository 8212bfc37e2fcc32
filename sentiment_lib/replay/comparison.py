"""All policies on one cube, each against calendars of as many trainings and among all schedules of that number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.replay import oracle, schedules
from sentiment_lib.replay.cube import Cube
from sentiment_lib.replay.intervals import intervals
from sentiment_lib.replay.judge import Judge
from sentiment_lib.replay.memory import Memory
from sentiment_lib.replay.policy_file import RetrainingPolicy
from sentiment_lib.replay.quality import PathQuality, block_values, error_counts, path_quality, quality_matrix
from sentiment_lib.replay.simulation import Conditions, Run, simulate
from sentiment_lib.statistics.metrics import Floats

#: Wrong predictions that a training is worth, for the three columns of money.
PRICES = (5.0, 25.0, 125.0)
#: Random halvings of each block's rows for the half-split plan.
HALVINGS = 10


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over blocks, in shares, with its interval by each length of the moving blocks."""

    value: float
    intervals: dict[str, tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class PolicyResult:
    """One policy on one history, with the gate or without."""

    title: str
    reads: str
    run: Run
    quality: PathQuality
    #: accuracy minus that of calendars with as many trainings, the mean over their phases; None without such a calendar
    against_calendar: Estimate | None
    #: accuracy minus that of never retraining
    against_never: Estimate
    #: of its gain over never, what is left when every model has as many labels as the first; None without that cube
    freshness: Estimate | None
    #: share of all schedules of as many trainings whose accuracy is lower, ties counting half
    percentile: float
    #: accuracy of the best plan with as many trainings, minus its own
    timing_regret: float
    #: price of a training in errors -> errors made and trainings at that price
    money: dict[str, float]
    #: errors that each training saved against never: the price at which it breaks even; None without a training
    break_even: float | None


@dataclass(frozen=True, kw_only=True)
class Line:
    """Accuracy by number of trainings."""

    trainings: int
    #: mean over the phases of the calendar; None where none has as many
    calendar: float | None
    #: lowest, median and highest of all schedules
    schedules: tuple[float, float, float]
    oracle: float
    #: wrong predictions of the plan that has the fewest, in which every tweet counts alike
    errors: float
    #: plan made on one half of each block's rows and scored on the other
    half_split: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything that a report of one history shows; shares, not per cent."""

    lines: tuple[Line, ...]
    policies: tuple[PolicyResult, ...]
    #: accuracy (models, blocks), nan where a model cannot serve
    matrix: Floats = field(repr=False)


def compare_policies(
    cube: Cube,
    policies: Sequence[RetrainingPolicy],
    conditions: Conditions,
    judge: Judge,
    *,
    same_volume: Cube | None = None,
    memory: Memory | None = None,
) -> Comparison:
    """Run every policy without and with the gate. same_volume: the cube of models that learned from as many labels."""
    memory = Memory() if memory is None else memory
    matrix, errors = quality_matrix(cube), error_counts(cube)
    points = schedules.decision_points(cube)
    fresh = quality_matrix(same_volume) if same_volume is not None else None
    every = {
        size: schedules.values_of(cube, matrix, schedules.all_schedules(points, size))
        for size in range(len(points) + 1)
    }
    # served blocks count alike, so that a plan's cost is one less its mean accuracy
    plans = oracle.best_plans(1 - matrix, cube.start)
    fewest = oracle.best_plans(errors, cube.start)
    best = [1 - plan.cost / len(cube.served) for plan in plans]
    results = []
    for policy in policies:
        for one in (None, judge):
            run = simulate(cube, policy, conditions, judge=one, memory=memory)
            size = len(run.trainings)
            own = block_values(matrix, cube.served, run.serving)
            never = block_values(matrix, cube.served, [cube.start] * len(cube.served))
            calendars = [schedules.path_values(cube, matrix, one) for one in schedules.even_schedules(points, size)]
            saved = float(block_values(errors, cube.served, [cube.start] * len(own)).sum())
            wrong = float(block_values(errors, cube.served, run.serving).sum())
            results.append(
                PolicyResult(
                    title=policy.title,
                    reads=policy.reads,
                    run=run,
                    quality=path_quality(cube, run.serving),
                    against_calendar=_estimate(own - np.mean(calendars, axis=0)) if calendars else None,
                    against_never=_estimate(own - never),
                    freshness=_freshness(cube, fresh, run),
                    percentile=_percentile(every[size], float(own.mean())),
                    timing_regret=best[size] - float(own.mean()),
                    money={f"{price:g}": wrong + price * size for price in PRICES},
                    break_even=(saved - wrong) / size if size else None,
                )
            )
    halves = oracle.half_split(_halves(cube), cube.start)
    lines = tuple(
        Line(
            trainings=size,
            calendar=_mean_calendar(cube, matrix, points, size),
            schedules=(float(every[size].min()), float(np.median(every[size])), float(every[size].max())),
            oracle=best[size],
            errors=fewest[size].cost,
            half_split=1 - halves[size] / len(cube.served),
        )
        for size in range(len(best))
    )
    return Comparison(lines=lines, policies=tuple(results), matrix=matrix)


def _estimate(values: Floats) -> Estimate:
    return Estimate(value=float(values.mean()), intervals=intervals(values))


def _freshness(cube: Cube, fresh: Floats | None, run: Run) -> Estimate | None:
    if fresh is None or any(
        np.isnan(fresh[model, block]) for model, block in zip(run.serving, cube.served, strict=True)
    ):
        return None
    own = block_values(fresh, cube.served, run.serving)
    return _estimate(own - block_values(fresh, cube.served, [cube.start] * len(own)))


def _percentile(values: Floats, own: float) -> float:
    return float((values < own - 1e-12).mean() + 0.5 * (np.abs(values - own) <= 1e-12).mean())


def _mean_calendar(cube: Cube, matrix: Floats, points: Sequence[int], size: int) -> float | None:
    found = schedules.even_schedules(points, size)
    return float(schedules.values_of(cube, matrix, found).mean()) if found else None


def _halves(cube: Cube) -> list[tuple[Floats, Floats]]:
    """Error rates (models, blocks) on two random halves of each block's rows, halved: both add up to the whole."""
    history, found = cube.history, []
    wrong = np.full((len(cube.cells), history.rows), np.nan)
    for model, cell in enumerate(cube.cells):
        if cell is not None:
            wrong[model, cell.first :] = cell.proba.argmax(axis=1) != history.label[cell.first :]
    for number in range(HALVINGS):
        is_first = np.random.default_rng([20150223, number]).random(history.rows) < 0.5
        found.append((_rates(cube, wrong, is_first), _rates(cube, wrong, ~is_first)))
    return found


def _rates(cube: Cube, wrong: Floats, rows: NDArray[np.bool_]) -> Floats:
    rates = np.full((len(cube.cells), len(cube.blocks)), np.nan)
    for model, cell in enumerate(cube.cells):
        if cell is None:
            continue
        for block in cube.blocks[model + 1 :]:
            part = wrong[model, block.start : block.end][rows[block.start : block.end]]
            rates[model, block.number] = part.mean() / 2 if part.size else 0.0
    return rates
