"""Whether one model's probabilities are better calibrated than another's, on the same rows.

The difference of the squared calibration errors, each without its noise (Kumar, Liang, Ma 2019, "Verified uncertainty
calibration", NeurIPS). Its p-value is that of a paired randomisation test, in which both models' probabilities of a row
are exchanged (Noreen 1989, "Computer-Intensive Methods for Testing Hypotheses"), and its lower bound a percentile of
the bootstrap over rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from sentiment_lib.statistics.metrics import Floats, Ints

BINS = 10
#: Rounds that are computed at once.
_CHUNK = 500


@dataclass(frozen=True, kw_only=True)
class CalibrationGain:
    """Root-mean-square calibration errors of both models, and the decrease of the square with its lower bound."""

    champion: float
    candidate: float
    decrease: float
    #: one-sided, at the level of the look
    low: float
    p_value: float


def measure_calibration_gain(
    labels: Ints, champion: Floats, candidate: Floats, *, level: float, rounds: int, rng: np.random.Generator
) -> CalibrationGain:
    """From labels (n,) and probabilities (n, 3) of both models. Bins of confidence are common to both."""
    confidences = [proba.max(axis=1) for proba in (champion, candidate)]
    inner = np.quantile(np.concatenate(confidences), np.linspace(0, 1, BINS + 1)[1:-1])
    old, new = (
        _sums(confidence, proba.argmax(axis=1) == labels, inner)
        for confidence, proba in zip(confidences, (champion, candidate), strict=True)
    )
    before, after = _squared_error(old.sum(axis=0)), _squared_error(new.sum(axis=0))
    observed = float(before - after)
    swapped, resampled = [], []
    rows = len(labels)
    for start in range(0, rounds, _CHUNK):
        size = min(_CHUNK, rounds - start)
        moved = rng.integers(0, 2, (size, rows)).astype(np.float64) @ (new - old)
        swapped.append(_squared_error(old.sum(axis=0) + moved) - _squared_error(new.sum(axis=0) - moved))
        counts = rng.multinomial(rows, np.full(rows, 1 / rows), size=size).astype(np.float64)
        resampled.append(_squared_error(counts @ old) - _squared_error(counts @ new))
    null = np.concatenate(swapped)
    return CalibrationGain(
        champion=float(np.sqrt(max(float(before), 0.0))),
        candidate=float(np.sqrt(max(float(after), 0.0))),
        decrease=observed,
        low=float(np.quantile(np.concatenate(resampled), level)),
        p_value=_p_value(observed, null),
    )


def _p_value(observed: float, null: Floats) -> float:
    """Share of the null differences that reach the observed one; with fewer than ten, their normal tail."""
    reached = int((null >= observed - 1e-15).sum())
    if reached >= 10:
        return (1 + reached) / (1 + null.size)
    tail = float(norm.sf((observed - float(null.mean())) / max(float(null.std()), 1e-12)))
    return min(max(tail, 1e-300), 10 / null.size)


def _sums(confidence: Floats, is_right: NDArray[np.bool_], inner: Floats) -> Floats:
    """What each row adds to the count, the gap and the squared gap of each bin: (n, 3 · BINS)."""
    place = np.searchsorted(inner, confidence, side="right")
    gap = confidence - is_right
    sums = np.zeros((confidence.size, 3, BINS))
    for power in range(3):
        sums[np.arange(confidence.size), power, place] = gap**power
    return sums.reshape(confidence.size, -1)


def _squared_error(sums: Floats) -> Floats:
    """Mean squared gap over the bins, without its noise, from sums (..., 3 · BINS)."""
    count, gap, square = np.moveaxis(sums.reshape(*sums.shape[:-1], 3, BINS), -2, 0)
    rows = np.maximum(count, 1.0)
    mean = gap / rows
    noise = np.maximum(square / rows - mean**2, 0.0) / np.maximum(rows - 1, 1.0)
    return np.asarray((count * (mean**2 - noise)).sum(axis=-1) / count.sum(axis=-1))
