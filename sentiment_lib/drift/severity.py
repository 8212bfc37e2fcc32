"""Severity of a drift, and whether it warrants a retrain, from the accompanying loss of macro-F1."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from sentiment_lib.drift.attribution import LabelledRows, attribute_change
from sentiment_lib.drift.performance_estimation import (
    estimate_from_sample,
    estimate_without_labels,
    prior_bbse,
    prior_em,
)
from sentiment_lib.drift.signals import PROBABILITIES
from sentiment_lib.policy import DriftPolicy
from sentiment_lib.records import LABEL_CODES, LABELS, Severity
from sentiment_lib.statistics.matrix_scaling import fit_matrix_scaling
from sentiment_lib.statistics.metric_estimates import MetricEstimate
from sentiment_lib.statistics.metrics import CLASSES, Floats, Ints
from sentiment_lib.statistics.prediction_powered import prediction_powered_metric
from sentiment_lib.text.copies import first_of_each

#: Maximum number of rows for the estimate; more do not narrow the interval noticeably.
MAX_ROWS = 4000


@dataclass(frozen=True, kw_only=True)
class QualityLoss:
    """Loss of macro-F1 from the reference to the current window, measured on labels when there are enough."""

    #: "measured" (labels), "estimated" (probabilities alone), or None when there are too few rows for either
    by: str | None = None
    #: macro-F1 before minus macro-F1 now, a share
    loss: float | None = None
    #: 95 % interval of the loss
    low: float | None = None
    high: float | None = None
    #: the 95 % interval of the loss is above zero
    certain: bool = False
    #: JSON values for the report: estimates of both windows by method, class priors
    figures: dict[str, Any] | None = None
    #: JSON values of `attribution.Attribution`; None without enough labels
    attribution: dict[str, Any] | None = None


def severity(
    verdict: str, quality: QualityLoss, policy: DriftPolicy, *, is_learning: bool = False
) -> tuple[Severity | None, bool]:
    """(severity, wants a retrain). Drift alone is a warning; drift with a certain loss is critical.

    is_learning: the limits of the check rest in part on a prior; then only a loss that labels show counts.
    """
    if verdict != "drift":
        return None, False
    if is_learning and quality.by != "measured":
        return Severity.WARNING, False
    lost = quality.loss is not None and quality.loss >= policy.quality_loss and quality.certain
    wants = policy.retrain_on == "drift" or (policy.retrain_on == "loss" and lost)
    return (Severity.CRITICAL if lost else Severity.WARNING), wants


def quality_loss(reference: pd.DataFrame, current: pd.DataFrame, policy: DriftPolicy) -> QualityLoss:
    """Compare macro-F1 of two windows.

    Columns: text, p_negative, p_neutral, p_positive; `true_label` and `inclusion` for labelled tweets.
    """
    sides = [frame[frame["p_negative"].notna()][:MAX_ROWS] for frame in (reference, current)]
    if min(len(frame) for frame in sides) < policy.minimum_rows:
        return QualityLoss()
    labelled = [_labelled(frame) for frame in sides]
    # calibrating on very few labels is worse than not calibrating
    enough = len(labelled[0]) >= policy.minimum_labelled
    scaling = fit_matrix_scaling(label_codes(labelled[0]), probabilities(labelled[0])) if enough else None
    # both windows share the calibration, whose error largely cancels in the difference
    fixed = replace(scaling, spread=None) if scaling else None
    before, now = (estimate_without_labels(probabilities(frame), fixed, seed=policy.seed) for frame in sides)
    current_proba = scaling.apply(probabilities(sides[1])) if scaling else probabilities(sides[1])
    figures: dict[str, Any] = {
        "estimated": {"before": _as_dict(before), "now": _as_dict(now), "calibrated": scaling is not None},
        "class_shares": {"mean_probability": _by_label(current_proba.mean(axis=0))},
    }
    if scaling:
        labels, proba = label_codes(labelled[0]), probabilities(labelled[0])
        prior = np.bincount(labels, minlength=CLASSES) / len(labels)
        figures["class_shares"]["em"] = _by_label(prior_em(current_proba, prior))
        figures["class_shares"]["black_box"] = _by_label(prior_bbse(labels, proba, probabilities(sides[1])))
    by, first, second, attribution = "estimated", before, now, None
    if min(len(frame) for frame in labelled) >= policy.minimum_labelled:
        by, (first, second) = "measured", _measure(labelled, sides, policy.seed, figures)
        rows = [
            LabelledRows(labels=label_codes(frame), proba=probabilities(frame), inclusion=_inclusion(frame))
            for frame in labelled
        ]
        attribution = attribute_change(rows[0], rows[1], probabilities(sides[1]), seed=policy.seed).as_dict()
    loss = first.value - second.value
    # the windows share no row, so their errors add in squares (Zou, Donner 2008)
    below = math.hypot(first.value - first.low, second.high - second.value)
    above = math.hypot(first.high - first.value, second.value - second.low)
    return QualityLoss(
        by=by,
        loss=loss,
        low=loss - below,
        high=loss + above,
        certain=loss > below,
        figures=figures,
        attribution=attribution,
    )


def is_harmless(quality: QualityLoss, policy: DriftPolicy) -> bool:
    """Whether labels show that the loss is smaller than the one that makes drift critical."""
    return quality.by == "measured" and quality.high is not None and quality.high < policy.quality_loss


def probabilities(frame: pd.DataFrame) -> Floats:
    """Columns p_negative, p_neutral, p_positive as an array (n, 3)."""
    return frame[list(PROBABILITIES)].to_numpy(float)


def label_codes(frame: pd.DataFrame) -> Ints:
    """Column `true_label` as integers 0..2, (n,)."""
    return np.array([LABEL_CODES[label] for label in frame["true_label"]], dtype=np.int64)


def _measure(
    labelled: list[pd.DataFrame], sides: list[pd.DataFrame], seed: int, figures: dict[str, Any]
) -> list[MetricEstimate]:
    """Prediction-powered macro-F1 of both windows; also notes it, and the estimate from labels alone, in `figures`."""
    samples = [(label_codes(frame), probabilities(frame), _inclusion(frame)) for frame in labelled]
    weighted = [estimate_from_sample(*sample) for sample in samples]
    powered = [
        prediction_powered_metric(*sample, probabilities(side), seed=seed)
        for sample, side in zip(samples, sides, strict=True)
    ]
    for name, (before, now) in (("measured", weighted), ("prediction_powered", powered)):
        figures[name] = {"before": _as_dict(before), "now": _as_dict(now)}
    return powered


def _as_dict(estimate: MetricEstimate) -> dict[str, float | int]:
    return {"macro_f1": estimate.value, "low": estimate.low, "high": estimate.high, "rows": estimate.rows}


def _labelled(frame: pd.DataFrame) -> pd.DataFrame:
    """The labelled rows; copies of a text count once."""
    rows = frame[frame["true_label"].notna()] if "true_label" in frame else frame[:0]
    return rows[first_of_each(rows["text"].tolist())] if "text" in rows and len(rows) else rows


def _inclusion(frame: pd.DataFrame) -> Floats:
    return frame["inclusion"].to_numpy(float) if "inclusion" in frame else np.ones(len(frame))


def _by_label(shares: Floats) -> dict[str, float]:
    return {str(name): round(float(share), 4) for name, share in zip(LABELS, shares, strict=True)}
