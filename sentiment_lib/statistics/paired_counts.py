"""Two models on the same rows as 27 counts: true label x champion's prediction x candidate's prediction.

Every metric of the gate is a function of these counts. Resampling n rows is then one multinomial draw over at most 27
cells, and leaving one row out has at most 27 different results.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import ArrayLike

from sentiment_lib.statistics.metrics import CLASSES, Floats, Ints, compute_metric


def count_pairs(labels: Ints, champion: Ints, candidate: Ints) -> Ints:
    """Counts (3, 3, 3) from three arrays of classes (n,)."""
    flat = (labels * CLASSES + champion) * CLASSES + candidate
    return np.bincount(flat, minlength=CLASSES**3).reshape(CLASSES, CLASSES, CLASSES)


def difference(counts: ArrayLike, metric: str) -> Floats:
    """The candidate's metric minus the champion's for each cube in (..., 3, 3, 3)."""
    champion, candidate = confusion_matrices(counts)
    return np.asarray(compute_metric(candidate, metric) - compute_metric(champion, metric))


def confusion_matrices(counts: ArrayLike) -> tuple[Ints, Ints]:
    """Confusion matrices (..., 3, 3) of champion and candidate from cubes (..., 3, 3, 3); rows are true labels."""
    cube = np.asarray(counts)
    return cube.sum(axis=-1), cube.sum(axis=-2)


def bootstrap_counts(counts: Ints, rounds: int, rng: np.random.Generator) -> Ints:
    """Bootstrap samples (rounds, 3, 3, 3) of the rows behind the counts (3, 3, 3)."""
    flat = counts.reshape(-1)
    filled = np.flatnonzero(flat)
    resampled = np.zeros((rounds, flat.size), dtype=np.int64)
    resampled[:, filled] = rng.multinomial(int(flat.sum()), flat[filled] / flat.sum(), size=rounds)
    return resampled.reshape(rounds, CLASSES, CLASSES, CLASSES)


def permute_models(counts: Ints, rounds: int, rng: np.random.Generator) -> Ints:
    """Counts (rounds, 3, 3, 3) in which each row's two predictions are swapped with probability one half."""
    permuted = np.broadcast_to(counts, (rounds, *counts.shape)).copy()
    for a in range(CLASSES):
        for b in range(a + 1, CLASSES):
            pooled = counts[:, a, b] + counts[:, b, a]
            first = rng.binomial(pooled, 0.5, size=(rounds, CLASSES))
            permuted[:, :, a, b] = first
            permuted[:, :, b, a] = pooled - first
    return permuted


def leave_one_out(counts: Ints, metric: str) -> tuple[Floats, Floats]:
    """The difference without one row of each of the k filled cells (k,), and the number of rows of each cell (k,)."""
    flat = counts.reshape(-1)
    filled = np.flatnonzero(flat)
    without = np.repeat(flat[None, :], filled.size, axis=0)
    without[np.arange(filled.size), filled] -= 1
    shape = (filled.size, CLASSES, CLASSES, CLASSES)
    return difference(without.reshape(shape), metric), flat[filled].astype(np.float64)


def row_deviation(counts: Ints, metric: str) -> float:
    """Standard deviation of one row's influence on the difference: its standard error times the square root of n.

    The jackknife estimate: Efron, Tibshirani 1993, "An Introduction to the Bootstrap", chapter 11.
    """
    n = int(counts.sum())
    if n < 2:
        return 0.0
    values, weights = leave_one_out(counts, metric)
    centre = float((values * weights).sum() / n)
    return float(np.sqrt((n - 1) * (weights * (values - centre) ** 2).sum()))


def random_generator(seed: int, purpose: str) -> np.random.Generator:
    """Generator seeded by `seed` and purpose, so that results do not depend on the order of computation."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode("utf-8"))])
