"""Calibration error of the predicted class with a confidence interval, from a random sample of labels.

The usual expected calibration error is biased upwards by noise and has no valid interval near zero. Here the squared
error is used, from which the noise is subtracted (Kumar, Liang, Ma 2019, "Verified uncertainty calibration", NeurIPS;
Roelofs et al. 2022, "Mitigating bias in calibration error estimation", AISTATS), and its bounds come from inverting
the test of each possible size of the error, with the pattern over the bins held as observed. Wrong labels lower the
accuracy: they are corrected as in `sampled_quality`, with the uncertainty of the annotators' error rates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from sentiment_lib.statistics.annotator_errors import SUPPOSED_ERROR, AnnotatorErrors, supposed_errors
from sentiment_lib.statistics.metrics import CLASSES, Floats, Ints
from sentiment_lib.statistics.sampled_quality import INTERVAL, RANGE, LabelledSample

#: Fewer labels than this give no figure.
MIN_ROWS = 200
#: Labels per bin, and the maximum number of bins.
ROWS_PER_BIN, MAX_BINS = 40, 10
_SIMULATIONS, _SIZES = 2000, 201


@dataclass(frozen=True, kw_only=True)
class CalibrationError:
    """Root-mean-square gap of confidence and accuracy over bins of confidence, with 95 % bounds (low is often 0).

    overconfidence: mean confidence minus accuracy, with 95 % bounds; positive where the model claims too much. `basis`
    says what both bounds claim, as in `sampled_quality`.
    """

    value: float
    low: float
    high: float
    overconfidence: float
    overconfidence_low: float
    overconfidence_high: float
    rows: int
    basis: str = INTERVAL


@dataclass(frozen=True)
class _Rows:
    """Confidence and weight (n,) of rows, whether their predictions are right (n,), and the bins of rows.

    right: 0 or 1, or an unbiased estimate of it. possible: accuracy of each bin, and of all rows at the end, as it
    could be for other error rates of the annotators, minus its mean: (d, bins + 1).
    """

    confidence: Floats
    weight: Floats
    right: Floats
    bins: list[Ints]
    possible: Floats


def measure_calibration(
    sample: LabelledSample,
    *,
    errors: AnnotatorErrors | None = None,
    unknown_errors: bool = False,
    level: float = 0.05,
    seed: int = 0,
) -> CalibrationError | None:
    """From a random sample of labels; None with fewer than MIN_ROWS labels. Bins have equal numbers of rows.

    errors and unknown_errors: as in `sampled_quality.estimate_quality`. With unknown rates or skipped tweets the bounds
    are a range over what they could be.
    """
    labels = len(sample.labels)
    if labels < MIN_ROWS:
        return None
    supposed = [errors, supposed_errors(SUPPOSED_ERROR)] if unknown_errors else [errors]
    own = _labelled_rows(sample, errors)
    found = [_measure(own, level, seed)]
    found += [_measure(_labelled_rows(sample, rates), level, seed) for rates in supposed[1:]]
    if len(sample.skipped):
        found += [_measure(rows, level, seed) for rates in supposed for rows in _with_skipped(sample, rates)]
    return CalibrationError(
        value=found[0].value,
        low=min(one.low for one in found),
        high=max(one.high for one in found),
        overconfidence=found[0].overconfidence,
        overconfidence_low=min(one.overconfidence_low for one in found),
        overconfidence_high=max(one.overconfidence_high for one in found),
        rows=labels,
        basis=INTERVAL if len(found) == 1 else RANGE,
    )


def _labelled_rows(sample: LabelledSample, errors: AnnotatorErrors | None) -> _Rows:
    return _rows(sample, errors, np.empty((0, CLASSES)), np.empty(0))


def _with_skipped(sample: LabelledSample, errors: AnnotatorErrors | None) -> list[_Rows]:
    """The rows with the skipped ones: all right, all wrong, and right where gaps become smallest, or largest."""
    wrong = _rows(sample, errors, sample.skipped, 1 / sample.skipped_inclusion)
    is_skipped = np.arange(wrong.right.size) >= len(sample.labels)
    near, far = wrong.right.copy(), wrong.right.copy()
    for part in wrong.bins:
        weight = wrong.weight[part]
        gap = float(weight @ (wrong.confidence[part] - wrong.right[part]))
        room = float(weight @ is_skipped[part])
        rows = part[is_skipped[part]]
        near[rows] = np.clip(gap / room, 0, 1) if room else 0.0
        far[rows] = float(abs(gap - room) > abs(gap))
    every = np.where(is_skipped, 1.0, wrong.right)
    return [_replace_right(wrong, right) for right in (wrong.right, every, near, far)]


def _replace_right(rows: _Rows, right: Floats) -> _Rows:
    return _Rows(rows.confidence, rows.weight, right, rows.bins, rows.possible)


def _rows(sample: LabelledSample, errors: AnnotatorErrors | None, others: Floats, other_weights: Floats) -> _Rows:
    """Labelled rows, and others that are wrong."""
    predicted = sample.proba.argmax(axis=1)
    confidence = np.concatenate([sample.proba.max(axis=1), others.max(axis=1)])
    weight = np.concatenate([1 / sample.inclusion, other_weights])
    weight = weight / weight.sum()
    count = min(MAX_BINS, max(2, len(sample.labels) // ROWS_PER_BIN))
    bins = np.array_split(np.argsort(confidence, kind="stable"), count)
    right = (predicted == sample.labels).astype(float)
    possible = np.zeros((1, count + 1))
    if errors is not None:
        right = errors.correction()[predicted, sample.labels]
        if len(errors.draws):
            possible = _possible_accuracy(predicted, sample.labels, weight, bins, errors)
    return _Rows(confidence, weight, np.concatenate([right, np.zeros(len(others))]), bins, possible)


def _possible_accuracy(
    predicted: Ints, given: Ints, weight: Floats, bins: list[Ints], errors: AnnotatorErrors
) -> Floats:
    """`_Rows.possible` from the predictions and given labels of the first n rows."""
    tables = np.zeros((len(bins) + 1, CLASSES, CLASSES))
    for number, part in enumerate(bins):
        rows = part[part < predicted.size]
        np.add.at(tables[number], (predicted[rows], given[rows]), weight[rows])
        tables[-1] += tables[number]
        tables[number] /= weight[part].sum()
    accuracy = np.einsum("dpg,bpg->db", np.linalg.inv(errors.draws.transpose(0, 2, 1)), tables)
    return np.asarray(accuracy - accuracy.mean(axis=0))


def _measure(rows: _Rows, level: float, seed: int) -> CalibrationError:
    gap, weight = rows.confidence - rows.right, rows.weight
    mean = float(weight @ gap)
    effective = 1 / float((weight**2).sum())
    half = float(student.isf(level / 2, max(effective - 1, 1))) * _standard_error(gap, weight, rows.confidence)
    top, bottom = np.quantile(rows.possible[:, -1], (1 - level / 2, level / 2))
    shares = np.array([weight[part].sum() for part in rows.bins])
    gaps = np.array([float(np.average(gap[part], weights=weight[part])) for part in rows.bins])
    errors = np.array(
        [_standard_error(gap[part], weight[part] / weight[part].sum(), rows.confidence[part]) for part in rows.bins]
    )
    possible = rows.possible[:, :-1]
    square, noise = float(shares @ gaps**2), float(shares @ (errors**2 + possible.var(axis=0)))
    low, high = _invert(gaps, errors, possible, shares, square, level, np.random.default_rng(seed))
    value = float(np.sqrt(max(square - noise, 0.0)))
    return CalibrationError(
        value=min(max(value, low), high),
        low=low,
        high=high,
        overconfidence=mean,
        overconfidence_low=mean - float(np.hypot(half, max(top, 0.0))),
        overconfidence_high=mean + float(np.hypot(half, min(bottom, 0.0))),
        rows=gap.size,
    )


def _standard_error(gap: Floats, weight: Floats, confidence: Floats) -> float:
    """Of a weighted mean gap; at least that of calibrated probabilities, as few rows may all be right."""
    squared, rows = weight**2, len(weight)
    observed = float(squared @ (gap - weight @ gap) ** 2) * rows / max(rows - 1, 1)
    return float(np.sqrt(max(observed, float(squared @ (confidence * (1 - confidence))))))


def _invert(
    gaps: Floats,
    errors: Floats,
    possible: Floats,
    shares: Floats,
    square: float,
    level: float,
    random: np.random.Generator,
) -> tuple[float, float]:
    """Smallest and largest root-mean-square gap under which the observed square is not extreme."""
    length = float(np.sqrt(shares @ gaps**2))
    pattern = gaps / length if length > 0 else np.ones(gaps.size)
    noise = random.standard_normal((_SIMULATIONS, gaps.size)) * errors
    if len(possible) > 1:
        noise += possible[random.integers(len(possible), size=_SIMULATIONS)]
    linear, rest = noise @ (shares * pattern), noise**2 @ shares
    spread = float(np.sqrt(shares @ (errors**2 + possible.var(axis=0))))
    sizes = np.linspace(0, length + 4 * spread, _SIZES)
    simulated = sizes[:, None] ** 2 + 2 * sizes[:, None] * linear + rest
    above = (simulated >= square).mean(axis=1)
    allowed = (above > level / 2) & (1 - above > level / 2)
    if not allowed.any():
        return 0.0, float(sizes[-1])
    inside = np.flatnonzero(allowed)
    return float(sizes[inside[0]]), float(sizes[inside[-1]])
