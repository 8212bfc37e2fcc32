"""Prediction-powered inference: labels of a few rows and predictions for all give narrower intervals than labels alone.

The labelled rows must have been drawn with known probabilities above zero (the audit sample, or active sampling with
recorded probabilities). Voluntary corrections have no known probability and must be left out. The intervals are
valid for predictions of any quality: with useless predictions the estimate falls back to the weighted labels.

Angelopoulos, Bates, Fannjiang, Jordan, Zrnic 2023, "Prediction-powered inference", Science 382; tuning: Angelopoulos,
Duchi, Zrnic 2023, "PPI++", arXiv 2311.01453; unequal probabilities: Zrnic, Candes 2024, "Active statistical inference",
ICML; cross-fitting: Zrnic, Candes 2024, "Cross-prediction-powered inference", PNAS 121 (15).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from sentiment_lib.errors import BadInput
from sentiment_lib.statistics.matrix_scaling import fit_matrix_scaling
from sentiment_lib.statistics.metric_estimates import MetricEstimate
from sentiment_lib.statistics.metrics import CLASSES, Floats, Ints
from sentiment_lib.statistics.ratio_intervals import Control, bound_metric, label_cells


@dataclass(frozen=True, kw_only=True)
class MeanEstimate:
    """A mean over all rows with two-sided bounds at `level`, beside the estimate from the labels alone."""

    estimate: float
    low: float
    high: float
    plain_estimate: float
    plain_low: float
    plain_high: float
    level: float
    labels: int
    rows: int
    #: of the prediction-powered estimate
    standard_error: float
    #: weight of the predictions: 0 not used, 1 fully trusted
    trust: float

    def as_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return asdict(self)


def prediction_powered_mean(
    values: Floats,
    predicted: Floats,
    labelled: NDArray[np.bool_],
    inclusion: Floats,
    *,
    level: float = 0.05,
    centre: float | None = None,
) -> MeanEstimate:
    """Mean of `values` over all N rows, of which only the labelled ones are known.

    values: (N,), read only where labelled; predicted: (N,), a model's expectation of every value; labelled: mask (N,);
    inclusion: probability (N,) above 0 with which each row was drawn for labelling; centre: a value known to be near
    the mean (0 for gains, which are exactly 0 where two models agree), else the weighted mean of the labels. Raises
    BadInput with fewer than two labels or a probability outside (0, 1].

    The augmented inverse-probability-weighted estimator: Robins, Rotnitzky, Zhao 1994, JASA 89 (427).
    """
    index = np.flatnonzero(labelled)
    if index.size < 2:
        raise BadInput(what="labels", problem=f"{index.size} labelled rows, and at least 2 are needed")
    if (inclusion <= 0).any() or (inclusion > 1).any():
        raise BadInput(what="inclusion", problem="each chance must be above 0 and at most 1")
    weight = np.zeros(values.size)
    weight[index] = 1 / inclusion[index]
    # centred, so that the random number of labels adds no variance
    if centre is None:
        centre = float((weight[index] * values[index]).sum() / weight[index].sum())
    plain = np.zeros(values.size)
    plain[index] = weight[index] * (values[index] - centre)
    control = (predicted - (centre if centre == 0 else predicted.mean())) * (1 - weight)
    variance = float(control.var())
    trust = float(np.clip(-np.cov(plain, control, bias=True)[0, 1] / variance, 0, 1)) if variance > 0 else 0.0
    augmented = plain + trust * control
    width = float(student.isf(level / 2, _degrees_of_freedom(augmented)) / np.sqrt(values.size))
    estimate, plain_estimate = float(centre + augmented.mean()), float(centre + plain.mean())
    return MeanEstimate(
        estimate=estimate,
        low=estimate - width * float(augmented.std()),
        high=estimate + width * float(augmented.std()),
        plain_estimate=plain_estimate,
        plain_low=plain_estimate - width * float(plain.std()),
        plain_high=plain_estimate + width * float(plain.std()),
        level=level,
        labels=int(index.size),
        rows=int(values.size),
        standard_error=float(augmented.std() / np.sqrt(values.size)),
        trust=trust,
    )


def prediction_powered_metric(
    labels: Ints,
    proba: Floats,
    inclusion: Floats,
    population_proba: Floats,
    *,
    metric: str = "macro_f1",
    seed: int = 0,
) -> MetricEstimate:
    """A metric of `metrics.COUNT_METRICS` over a whole population, with its 95 % interval.

    labels (n,), proba (n, 3) and inclusion probabilities (n,) are of the labelled rows; population_proba (N, 3) are of
    all rows, or of a simple random sample of them. Calibrated probabilities predict the confusion matrix of every row,
    and the labelled rows, weighted by 1 / inclusion, correct that prediction (`ratio_intervals.bound_metric`).
    """
    control = control_from_predictions(labels, proba, population_proba, seed=seed)
    bounds = bound_metric(label_cells(labels, proba.argmax(axis=1)), 1 / inclusion, metric, control=control)
    return MetricEstimate(value=bounds.value, low=bounds.low, high=bounds.high, rows=len(labels))


def control_from_predictions(labels: Ints, proba: Floats, population_proba: Floats, *, seed: int = 0) -> Control:
    """Expected cells of labelled rows (n,), (n, 3) and their mean over the population (N, 3), calibrated by cross-fit.

    With fewer labels than calibration needs, the probabilities are used as they are: the interval stays valid.
    """
    labelled, everywhere = _cross_fitted_cells(labels, proba, population_proba, np.random.default_rng(seed))
    return Control(
        labelled=labelled,
        mean=everywhere.mean(axis=0),
        covariance=np.cov(everywhere, rowvar=False) / len(everywhere),
    )


def _degrees_of_freedom(parts: Floats) -> float:
    """Effective degrees of freedom of the variance of (N,) parts: Satterthwaite 1946, Biometrics Bulletin 2 (6)."""
    variance = float(parts.var())
    if variance == 0:
        return 1.0
    kurtosis = float(((parts - parts.mean()) ** 4).mean()) / variance**2
    return float(np.clip(2 * parts.size / max(kurtosis - 1, 1e-3), 1, 1e6))


def _cross_fitted_cells(
    labels: Ints, proba: Floats, population_proba: Floats, random: np.random.Generator
) -> tuple[Floats, Floats]:
    """Predicted cells (n, 9) and (N, 9) of the labelled and of all rows; no row is calibrated on its own label."""
    fold = random.permutation(len(labels)) % 2
    scalings = [fit_matrix_scaling(labels[fold != part], proba[fold != part]) for part in (0, 1)]
    own, population = proba.copy(), np.zeros_like(population_proba)
    for part, scaling in enumerate(scalings):
        own[fold == part] = scaling.apply(proba[fold == part]) if scaling else proba[fold == part]
        population += (scaling.apply(population_proba) if scaling else population_proba) / 2
    return _cells(own, proba), _cells(population, population_proba)


def _cells(label_proba: Floats, proba: Floats) -> Floats:
    """Each row's confusion matrix, flattened (n, 9): label probabilities (n, 3) in the predicted class's column."""
    predicted = np.eye(CLASSES)[proba.argmax(axis=1)]
    return np.asarray((label_proba[:, :, None] * predicted[:, None, :]).reshape(len(proba), CLASSES * CLASSES))
