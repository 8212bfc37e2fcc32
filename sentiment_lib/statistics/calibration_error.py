"""Calibration error of the predicted class with a confidence interval, from a random sample of labels.

The usual expected calibration error is biased upwards by noise and has no valid interval near zero. Here the squared
error is used, from which the noise is subtracted (Kumar, Liang, Ma 2019, "Verified uncertainty calibration", NeurIPS;
Roelofs et al. 2022, "Mitigating bias in calibration error estimation", AISTATS), and its bounds come from inverting
the test of each possible size of the error, with the pattern over the bins held as observed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from sentiment_lib.statistics.metrics import Floats, Ints

#: Fewer labels than this give no figure.
MIN_ROWS = 200
#: Labels per bin, and the maximum number of bins.
ROWS_PER_BIN, MAX_BINS = 40, 10
_SIMULATIONS, _SIZES = 2000, 201


@dataclass(frozen=True, kw_only=True)
class CalibrationError:
    """Root-mean-square gap of confidence and accuracy over bins of confidence, with 95 % bounds (low is often 0).

    overconfidence: mean confidence minus accuracy, with 95 % bounds; positive where the model claims too much.
    """

    value: float
    low: float
    high: float
    overconfidence: float
    overconfidence_low: float
    overconfidence_high: float
    rows: int


def measure_calibration(
    labels: Ints, proba: Floats, inclusion: Floats | None = None, *, level: float = 0.05, seed: int = 0
) -> CalibrationError | None:
    """From labels (n,), probabilities (n, 3) and inclusion probabilities (n,); None with fewer than MIN_ROWS rows.

    Bins have equal numbers of rows.
    """
    rows = len(labels)
    if rows < MIN_ROWS:
        return None
    weight = np.ones(rows) if inclusion is None else 1 / inclusion
    weight = weight / weight.sum()
    confidence = proba.max(axis=1)
    gap = confidence - (proba.argmax(axis=1) == labels)
    mean = float(weight @ gap)
    effective = 1 / float((weight**2).sum())
    half = float(student.isf(level / 2, max(effective - 1, 1))) * _standard_error(gap, weight, confidence)
    bins = np.array_split(np.argsort(confidence, kind="stable"), min(MAX_BINS, max(2, rows // ROWS_PER_BIN)))
    shares = np.array([weight[part].sum() for part in bins])
    gaps = np.array([float(np.average(gap[part], weights=weight[part])) for part in bins])
    errors = np.array(
        [_standard_error(gap[part], weight[part] / weight[part].sum(), confidence[part]) for part in bins]
    )
    square, noise = float(shares @ gaps**2), float(shares @ errors**2)
    low, high = _invert(gaps, errors, shares, square, level, np.random.default_rng(seed))
    value = float(np.sqrt(max(square - noise, 0.0)))
    return CalibrationError(
        value=min(max(value, low), high),
        low=low,
        high=high,
        overconfidence=mean,
        overconfidence_low=mean - half,
        overconfidence_high=mean + half,
        rows=rows,
    )


def _standard_error(gap: Floats, weight: Floats, confidence: Floats) -> float:
    """Of a weighted mean gap; at least that of calibrated probabilities, as few rows may all be right."""
    squared, rows = weight**2, len(weight)
    observed = float(squared @ (gap - weight @ gap) ** 2) * rows / max(rows - 1, 1)
    return float(np.sqrt(max(observed, float(squared @ (confidence * (1 - confidence))))))


def _invert(
    gaps: Floats, errors: Floats, shares: Floats, square: float, level: float, random: np.random.Generator
) -> tuple[float, float]:
    """Smallest and largest root-mean-square gap under which the observed square is not extreme."""
    length = float(np.sqrt(shares @ gaps**2))
    pattern = gaps / length if length > 0 else np.ones(gaps.size)
    noise = random.standard_normal((_SIMULATIONS, gaps.size)) * errors
    linear, rest = noise @ (shares * pattern), noise**2 @ shares
    sizes = np.linspace(0, length + 4 * float(np.sqrt(shares @ errors**2)), _SIZES)
    simulated = sizes[:, None] ** 2 + 2 * sizes[:, None] * linear + rest
    above = (simulated >= square).mean(axis=1)
    allowed = (above > level / 2) & (1 - above > level / 2)
    if not allowed.any():
        return 0.0, float(sizes[-1])
    inside = np.flatnonzero(allowed)
    return float(sizes[inside[0]]), float(sizes[inside[-1]])
