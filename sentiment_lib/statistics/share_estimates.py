"""Share of a class in groups of a stream, from a model's predictions corrected by a few audit labels.

The estimator is the prediction-powered mean (`prediction_powered`, with full weight of the predictions): the share that
the model predicts, plus the mean error of the labelled predictions. A group has few labels of its own, so its error is
shrunk towards the error of all labels: James, Stein 1961; with the variance between groups of DerSimonian, Laird 1986,
"Meta-analysis in clinical trials", Controlled Clinical Trials 7 (3). Unlike the adjusted count (Rogan, Gladen 1978),
it does not assume that the error rates are the same in every group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from sentiment_lib.errors import BadInput
from sentiment_lib.statistics.metrics import Floats

#: Name of the method, for readers.
METHOD = "prediction-powered"
#: Fewer labels than this correct nothing.
MIN_LABELS = 30
#: Smallest standard deviation between groups, relative to that of an error: few labels cannot show that groups are
#: alike. With 0.1 the intervals of airlines covered 83 % with VADER and 200 labels, with 0.2 at least 93 %
#: (`benchmarks.share_coverage`).
BETWEEN = 0.2


@dataclass(frozen=True, kw_only=True)
class GroupCounts:
    """Sums over the tweets of each group, arrays (groups, …); the weight of a label is 1 / its inclusion probability.

    Copies of a text are tweets of the share and count each, but not as independent ones: a model errs in all or none of
    them. Their weights are added up before they are squared (cluster-robust variance: Liang, Zeger 1986). The error of
    a labelled prediction is 1 for a missed member of the class, -1 for a false one, else 0.
    """

    rows: Floats
    #: predicted as the class
    predicted: Floats
    labels: Floats
    weights: Floats
    squared_weights: Floats
    #: sums of weight * error and of weight * error²
    errors: Floats
    squared_errors: Floats
    #: sum over the texts of their squared numbers of tweets; equals `rows` without copies
    squared_copies: Floats

    def over(self, axis: int) -> GroupCounts:
        """The sums over one axis."""
        return GroupCounts(**{name: value.sum(axis=axis) for name, value in vars(self).items()})


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Shares (groups, …) with two-sided bounds, NaN in groups without rows; without bounds when uncorrected."""

    share: Floats
    low: Floats | None
    high: Floats | None


@dataclass(frozen=True, kw_only=True)
class _Error:
    """Mean error over all labels, its variance, and the variance of one prediction's error."""

    mean: float
    variance: float
    row_variance: float


@dataclass(frozen=True, kw_only=True)
class _Deviation:
    """Of each group: its error minus that of all labels, and the variances of that and of their sum."""

    mean: Floats
    own_variance: Floats
    variance: Floats


def estimate_shares(counts: GroupCounts, *, level: float = 0.05) -> tuple[Shares, Shares, Shares, Shares]:
    """Shares of all cells (a, b), of the groups (a,), of the groups (b,), and of all rows (1,).

    counts: arrays (a, b), such as airlines by days. With fewer than MIN_LABELS labels the predicted shares, without
    bounds. Raises BadInput for arrays of another shape.
    """
    if counts.rows.ndim != 2:
        raise BadInput(what="counts", problem=f"two dimensions are needed, got {counts.rows.ndim}")
    parts = (counts, counts.over(1), counts.over(0), counts.over(1).over(0))
    raw = [_ratio(part.predicted, part.rows) for part in parts]
    labels = float(counts.labels.sum())
    if labels < MIN_LABELS:
        return tuple(Shares(share=np.atleast_1d(share), low=None, high=None) for share in raw)  # type: ignore[return-value]
    error = _mean_error(parts[3])
    first, second = (_deviations(part, error) for part in parts[1:3])
    biases = (
        error.mean + first.mean[:, None] + second.mean[None, :],
        error.mean + first.mean,
        error.mean + second.mean,
        np.asarray(error.mean),
    )
    # with copies a group has fewer independent errors than tweets
    within = [error.row_variance * part.squared_copies / np.maximum(part.rows, 1) ** 2 for part in parts]
    variances = (
        first.variance[:, None] + second.own_variance[None, :] + within[0],
        first.variance + within[1],
        second.variance + within[2],
        # the labels are a sample of these very rows: their mean error varies with the labels alone
        np.asarray(error.variance),
    )
    quantile = float(student.isf(level / 2, max(labels - 1, 2)))
    shares = []
    for share, bias, variance in zip(raw, biases, variances, strict=True):
        estimate, width = np.atleast_1d(share + bias), np.atleast_1d(quantile * np.sqrt(variance))
        shares.append(
            Shares(
                share=np.clip(estimate, 0, 1),
                low=np.clip(estimate - width, 0, 1),
                high=np.clip(estimate + width, 0, 1),
            )
        )
    return shares[0], shares[1], shares[2], shares[3]


def _mean_error(total: GroupCounts) -> _Error:
    labels, weights = float(total.labels), float(total.weights)
    mean = float(total.errors) / weights
    # the term guards against a sample without an error
    spread = max(float(total.squared_errors) / weights - mean**2, 0.0) * labels / (labels - 1) + 0.5 / labels
    effective = weights**2 / float(total.squared_weights)
    return _Error(mean=mean, variance=spread / effective, row_variance=spread)


def _deviations(groups: GroupCounts, error: _Error) -> _Deviation:
    """Shrunk deviations of (k,) groups."""
    labelled = groups.labels > 0
    effective = np.where(labelled, _ratio(groups.weights**2, groups.squared_weights, 0.0), 0.0)
    deviation = np.where(labelled, _ratio(groups.errors, groups.weights, 0.0) - error.mean, 0.0)
    between = max(
        _between(deviation[labelled], effective[labelled] / error.row_variance), BETWEEN**2 * error.row_variance
    )
    precision = effective / error.row_variance
    weight = between * precision / (1 + between * precision)
    own = between / (1 + between * precision)
    return _Deviation(mean=weight * deviation, own_variance=own, variance=own + (1 - weight) ** 2 * error.variance)


def _between(deviations: Floats, precision: Floats) -> float:
    """Variance between groups by the method of moments; 0 when their spread is that of the labels alone."""
    if deviations.size < 2:
        return 0.0
    centre = float((precision * deviations).sum() / precision.sum())
    spread = float((precision * (deviations - centre) ** 2).sum())
    scale = float(precision.sum() - (precision**2).sum() / precision.sum())
    return max((spread - (deviations.size - 1)) / scale, 0.0) if scale > 0 else 0.0


def _ratio(above: Floats, below: Floats, otherwise: float = float("nan")) -> NDArray[np.float64]:
    above, below = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    return np.asarray(np.divide(above, below, out=np.full(above.shape, otherwise), where=below > 0))
