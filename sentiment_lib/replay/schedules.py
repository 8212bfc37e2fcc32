"""All schedules with the same number of trainings: what a policy must be compared with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from sentiment_lib.replay.cube import Cube
from sentiment_lib.replay.quality import serving_path
from sentiment_lib.statistics.metrics import Floats

#: Above so many schedules, this many are drawn at random.
MOST = 10_000


def decision_points(cube: Cube) -> tuple[int, ...]:
    """Blocks at whose end a model can be trained that still serves: after the first model, before the last block."""
    return tuple(block for block in cube.served[:-1] if cube.cells[block] is not None)


def all_schedules(points: Sequence[int], size: int, seed: int = 0) -> list[tuple[int, ...]]:
    """Every choice of `size` of the points, or MOST of them drawn at random when there are more."""
    if size > len(points):
        return []
    if math.comb(len(points), size) <= MOST:
        return list(combinations(points, size))
    random = np.random.default_rng([20150218, seed])
    shuffled = random.permuted(np.tile(np.array(points), (MOST, 1)), axis=1)
    return [tuple(schedule) for schedule in np.sort(shuffled[:, :size], axis=1).tolist()]


def even_schedules(points: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """Calendars of `size` trainings: evenly spaced over the points, in every phase (each once)."""
    if size == 0 or size > len(points):
        return [()] if size == 0 else []
    period = len(points) / size
    phases = np.arange(0, period, 1.0) + (period % 1) / 2
    found = {
        tuple(points[min(int(phase + number * period), len(points) - 1)] for number in range(size)) for phase in phases
    }
    return sorted(schedule for schedule in found if len(set(schedule)) == size)


def values_of(cube: Cube, matrix: Floats, schedules: Sequence[Sequence[int]]) -> Floats:
    """Mean over the served blocks (schedules,) of a quality matrix (models, blocks)."""
    newest = np.full((len(schedules), len(cube.blocks)), cube.start)
    for row, schedule in enumerate(schedules):
        after = np.array(schedule, dtype=np.int64)
        newest[row, after + 1] = after
    served = np.array(cube.served)
    # a later model takes the place of an earlier one
    paths = np.maximum.accumulate(newest, axis=1)[:, served]
    return np.asarray(matrix[paths, served].mean(axis=1))


def path_values(cube: Cube, matrix: Floats, schedule: Sequence[int]) -> Floats:
    """Values of the served blocks (k,) under a schedule whose trainings are all promoted."""
    path = serving_path(cube.start, cube.served, schedule)
    return np.asarray(matrix[list(path), list(cube.served)])
