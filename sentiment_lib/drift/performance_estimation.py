"""Performance estimation: macro-F1 without labels or from a labelled sample, and the class prior under label shift.

Probabilities are (n, 3) in the order of LABELS; labels are integers 0..2.
"""

from __future__ import annotations

import numpy as np

from sentiment_lib.statistics.matrix_scaling import MatrixScaling
from sentiment_lib.statistics.metric_estimates import MetricEstimate
from sentiment_lib.statistics.metrics import (
    CLASSES,
    Floats,
    Ints,
    compute_metric,
    confusion_matrix,
    expected_confusion_matrix,
)
from sentiment_lib.statistics.ratio_intervals import bound_metric, label_cells


def estimate_without_labels(
    proba: Floats, calibration: MatrixScaling | None = None, *, rounds: int = 200, seed: int = 0
) -> MetricEstimate:
    """Confidence-based estimate of macro-F1 from probabilities (n, 3), with a model-based range.

    The probabilities, calibrated first if `calibration` is not None, are taken as those of the true labels. They must
    be calibrated on the current data: the estimate follows covariate shift, not concept drift. Garg et al. 2022,
    "Leveraging Unlabeled Data to Predict Out-of-Distribution Performance", ICLR.

    The range has the sampling error of the rows and, with a calibration, that of its fit (`MatrixScaling.draw`); it is
    no confidence interval, since nothing bounds how wrong the probabilities may be.
    """
    random = np.random.default_rng(seed)
    predicted = proba.argmax(axis=1)
    value = _expected_macro_f1(calibration.apply(proba) if calibration else proba, predicted)
    drawn = calibration.draw(rounds, random) if calibration else [None] * rounds
    simulated = []
    for scaling in drawn:
        rows = random.integers(0, len(proba), len(proba))
        simulated.append(_expected_macro_f1(scaling.apply(proba[rows]) if scaling else proba[rows], predicted[rows]))
    low, high = np.quantile(simulated, [0.025, 0.975])
    return MetricEstimate(value=value, low=float(low), high=float(high), rows=len(proba))


def _expected_macro_f1(label_proba: Floats, predicted: Ints) -> float:
    return float(compute_metric(expected_confusion_matrix(label_proba, predicted), "macro_f1"))


def estimate_from_sample(labels: Ints, proba: Floats, inclusion: Floats) -> MetricEstimate:
    """Macro-F1 of labelled rows (n,), each weighted by 1 / inclusion probability, with its 95 % interval.

    Horvitz, Thompson 1952, "A Generalization of Sampling Without Replacement From a Finite Universe", JASA 47 (260);
    bounds: `ratio_intervals.bound_metric`.
    """
    bounds = bound_metric(label_cells(labels, proba.argmax(axis=1)), 1 / inclusion, "macro_f1")
    return MetricEstimate(value=bounds.value, low=bounds.low, high=bounds.high, rows=len(labels))


def prior_em(proba: Floats, prior: Floats, *, rounds: int = 200) -> Floats:
    """Class prior (3,) of rows whose probabilities (n, 3) are calibrated under another prior (3,), by EM.

    Saerens, Latinne, Decaestecker 2002, "Adjusting the Outputs of a Classifier to New a Priori Probabilities", Neural
    Computation 14 (1). Assumes label shift: the texts of each class stay as they were.
    """
    estimate = prior.copy()
    for _ in range(rounds):
        weighted = proba * (estimate / prior)
        updated = (weighted / weighted.sum(axis=1, keepdims=True)).mean(axis=0)
        if np.abs(updated - estimate).max() < 1e-7:
            break
        estimate = updated
    return np.asarray(estimate)


def prior_bbse(labels: Ints, proba: Floats, current: Floats) -> Floats:
    """Class prior (3,) of `current` (m, 3), from the confusion matrix of labelled rows (n,), (n, 3), inverted.

    Black-box shift estimation: Lipton, Wang, Smola 2018, "Detecting and Correcting for Label Shift with Black Box
    Predictors", ICML. Assumes label shift; uniform when the inverse has no positive part.
    """
    # rows predictions, columns true labels
    confusion = confusion_matrix(labels, proba.argmax(axis=1)).T.astype(np.float64)
    columns = confusion.sum(axis=0)
    joint = confusion / np.where(columns > 0, columns, 1)
    predicted_shares = np.bincount(current.argmax(axis=1), minlength=CLASSES) / len(current)
    prior = np.clip(np.linalg.lstsq(joint, predicted_shares, rcond=None)[0], 0, None)
    return np.asarray(prior / prior.sum()) if prior.sum() > 0 else np.full(CLASSES, 1 / CLASSES)
