"""Attribution of a change of quality: class shares (prior), other texts (covariate), other meaning (concept).

The reference's labelled rows are weighted step by step towards the current window: first to its class shares, as far as
the predictions show that these changed (label shift), then to its distribution of predictions (covariate shift). What
remains is a change of the label given the text (concept shift). The order matters where shifts occur together: class
shares come first, since they are the simplest explanation. Zhang et al. 2023, "Why did the Model Fail?", ICML; Cai,
Namkoong, Yadlowsky 2023, "Diagnosing Model Performance Under Distribution Shift", arXiv 2303.02011.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from sentiment_lib.drift.performance_estimation import prior_bbse
from sentiment_lib.drift.quality_text import points
from sentiment_lib.statistics.metrics import CLASSES, Floats, Ints, compute_metric, weighted_confusion_matrix

#: Bounds of a row's weight, so that no single row decides.
WEIGHT_BOUNDS = (0.1, 10.0)
#: Rows of the current window that the density ratio is fitted on; more do not narrow the intervals noticeably.
CURRENT_ROWS = 1500
PARTS = ("prior", "covariate", "concept")


@dataclass(frozen=True, kw_only=True)
class LabelledRows:
    """Labelled rows of one window: labels (n,), probabilities (n, 3) and inclusion probabilities (n,)."""

    labels: Ints = field(repr=False)
    proba: Floats = field(repr=False)
    inclusion: Floats = field(repr=False)

    def resample(self, random: np.random.Generator) -> LabelledRows:
        """As many rows, drawn with replacement."""
        rows = random.integers(0, len(self.labels), len(self.labels))
        return LabelledRows(labels=self.labels[rows], proba=self.proba[rows], inclusion=self.inclusion[rows])


@dataclass(frozen=True, kw_only=True)
class Part:
    """Contribution to the change of macro-F1 (now minus before), with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """The change and its parts, which sum to it."""

    total: Part
    prior: Part
    covariate: Part
    concept: Part
    #: labelled rows of the window that has fewer of them
    labels: int

    @property
    def told_apart(self) -> bool:
        """Whether the labels suffice to attribute anything."""
        return any(getattr(self, name).clear for name in PARTS)

    def as_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return {**asdict(self), "told_apart": self.told_apart, "clear": [p for p in PARTS if getattr(self, p).clear]}


def attribute_change(
    reference: LabelledRows, current: LabelledRows, current_proba: Floats, *, rounds: int = 200, seed: int = 0
) -> Attribution:
    """Parts of the change of macro-F1 between two windows; current_proba (N, 3) are of all current rows."""
    random = np.random.default_rng(seed)
    sample = current_proba[random.permutation(len(current_proba))[:CURRENT_ROWS]]
    estimate = _decompose(reference, current, sample)
    resampled = np.array(
        [
            _decompose(
                reference.resample(random),
                current.resample(random),
                sample[random.integers(0, len(sample), len(sample))],
            )
            for _ in range(rounds)
        ]
    )
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    parts = {
        name: Part(value=float(estimate[i]), low=float(low[i]), high=float(high[i]))
        for i, name in enumerate(("total", *PARTS))
    }
    return Attribution(**parts, labels=min(len(reference.labels), len(current.labels)))


def sentence(attribution: dict[str, Any]) -> str:
    """The stored attribution as a line of text."""
    if not attribution["told_apart"]:
        return f"Why quality changed cannot be told apart with {attribution['labels']} labels"
    names = {"prior": "class shares", "covariate": "other texts", "concept": "other meaning"}
    values = (
        f"{names[part]} {points(attribution[part]['value'])} "
        f"({points(attribution[part]['low'])} to {points(attribution[part]['high'])})"
        for part in PARTS
    )
    return "Change of macro-F1 by cause, in points, on labelled tweets alone: " + ", ".join(values)


def _decompose(reference: LabelledRows, current: LabelledRows, current_proba: Floats) -> Floats:
    """Total, prior, covariate and concept part, (4,)."""
    base = 1 / reference.inclusion
    before = _macro_f1(reference, base)
    now = _macro_f1(current, 1 / current.inclusion)
    shares = np.bincount(reference.labels, weights=base, minlength=CLASSES) / base.sum()
    ratio = prior_bbse(reference.labels, reference.proba, current_proba) / np.maximum(shares, 1e-6)
    by_prior = base * np.clip(ratio, *WEIGHT_BOUNDS)[reference.labels]
    by_texts = by_prior * _density_ratio(reference.proba, by_prior, current_proba)
    with_prior, with_texts = _macro_f1(reference, by_prior), _macro_f1(reference, by_texts)
    return np.array([now - before, with_prior - before, with_texts - with_prior, now - with_texts])


def _macro_f1(rows: LabelledRows, weights: Floats) -> float:
    confusion = weighted_confusion_matrix(rows.labels, rows.proba.argmax(axis=1), weights)
    return float(compute_metric(confusion, "macro_f1"))


def _density_ratio(proba: Floats, weights: Floats, current_proba: Floats) -> Floats:
    """Density of the current predictions over that of the weighted reference's, (n,): ridge logistic regression.

    Sugiyama, Suzuki, Kanamori 2012, "Density Ratio Estimation in Machine Learning", Cambridge University Press.
    """
    features = _features(np.vstack([proba, current_proba]))
    is_current = np.repeat([0.0, 1.0], [len(proba), len(current_proba)])
    # both sides weigh the same; the effective number of rows sets the strength of the ridge
    effective = weights.sum() ** 2 / (weights**2).sum()
    row_weights = np.concatenate([weights / weights.sum(), np.full(len(current_proba), 1 / len(current_proba))])
    row_weights *= min(effective, len(current_proba))
    coefficients = np.zeros(features.shape[1])
    ridge = np.diag([1e-6] + [1.0] * (features.shape[1] - 1))
    for _ in range(8):
        fitted = 1 / (1 + np.exp(-np.clip(features @ coefficients, -30, 30)))
        curvature = row_weights * np.maximum(fitted * (1 - fitted), 1e-6)
        gradient = features.T @ (row_weights * (is_current - fitted)) - ridge @ coefficients
        coefficients = coefficients + np.linalg.solve((features * curvature[:, None]).T @ features + ridge, gradient)
    return np.asarray(np.clip(np.exp(features[: len(proba)] @ coefficients), *WEIGHT_BOUNDS))


def _features(proba: Floats) -> Floats:
    """Intercept, log ratios of the classes and their squares, standardised."""
    clipped = np.log(np.clip(proba, 1e-3, 1))
    ratios = clipped[:, :-1] - clipped[:, -1:]
    columns = np.column_stack([ratios, ratios**2, proba.max(axis=1)])
    columns = (columns - columns.mean(axis=0)) / np.maximum(columns.std(axis=0), 1e-6)
    return np.column_stack([np.ones(len(columns)), columns])
