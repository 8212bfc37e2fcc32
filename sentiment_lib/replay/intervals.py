"""Intervals of a mean paired difference over blocks, which follow one another and so are not independent."""

from __future__ import annotations

import numpy as np

from sentiment_lib.statistics.metrics import Floats

#: Lengths of the blocks of blocks, shown side by side: with few served blocks no single one can be trusted.
LENGTHS = (1, 2, 3)
ROUNDS = 4000


def moving_block_interval(values: Floats, length: int, *, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Percentile interval of the mean of values (k,) by the circular moving-block bootstrap.

    Politis, Romano 1992, "A circular block-resampling procedure for stationary data". With fewer than ten values it is
    an indication, not a guarantee.
    """
    count = values.size
    if count < 2:
        return float("-inf"), float("inf")
    random = np.random.default_rng([20150219, seed])
    pieces = -(-count // length)
    starts = random.integers(count, size=(ROUNDS, pieces))
    rows = (starts[:, :, None] + np.arange(length)) % count
    means = values[rows.reshape(ROUNDS, -1)[:, :count]].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def intervals(values: Floats) -> dict[str, tuple[float, float]]:
    """The interval of each length: "1" -> (low, high)."""
    return {str(length): moving_block_interval(values, length) for length in LENGTHS}
