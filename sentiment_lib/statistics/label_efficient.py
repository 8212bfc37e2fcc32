"""More from each label: predictions for all rows carry what they can, labels correct what they cannot.

The labelled rows must have been drawn with known chances (the audit sample, or actively picked with recorded
chances). People's corrections have no known chance and never enter here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from sentiment_lib.errors import BadInput
from sentiment_lib.statistics.metrics import Floats, Ints


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over all rows, with two-sided bounds at `level`, beside the plain one from the labels alone."""

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
    #: how far the predictions were trusted: 0 not at all, 1 fully
    trust: float

    def as_dict(self) -> dict[str, Any]:
        """JSON's own types only."""
        return asdict(self)


def prediction_powered(
    values: Floats,
    predicted: Floats,
    labelled: NDArray[np.bool_],
    inclusion: Floats,
    *,
    level: float = 0.05,
    centre: float | None = None,
) -> Estimate:
    """Mean of a value over all N rows, of which only the labelled ones are known.

    values: (N,), read only where labelled; predicted: (N,), what a model expects of every row; labelled: mask (N,);
    inclusion: chance (N,) above 0 with which each row was picked for labelling; centre: a value that is known to be
    near the mean, 0 for gains (they are exactly 0 where two models agree), else the labels' weighted mean. Raises
    BadInput with fewer than two labels.

    Angelopoulos, Bates, Fannjiang, Jordan, Zrnic 2023, "Prediction-powered inference", Science 382; the trust is
    tuned as in Angelopoulos, Duchi, Zrnic 2023, "PPI++"; with unequal chances it is Zrnic, Candes 2024, "Active
    statistical inference", ICML, which is the augmented estimator of Robins, Rotnitzky, Zhao 1994, JASA 89.
    """
    known = np.flatnonzero(labelled)
    if known.size < 2:
        raise BadInput(what="labels", problem=f"{known.size} labelled rows, and at least 2 are needed")
    if (inclusion <= 0).any() or (inclusion > 1).any():
        raise BadInput(what="inclusion", problem="each chance must be above 0 and at most 1")
    weight = np.zeros(values.size)
    weight[known] = 1 / inclusion[known]
    # centred, so that the number of labels drawn by chance does not matter
    if centre is None:
        centre = float((weight[known] * values[known]).sum() / weight[known].sum())
    seen = np.zeros(values.size)
    seen[known] = weight[known] * (values[known] - centre)
    control = (predicted - (centre if centre == 0 else predicted.mean())) * (1 - weight)
    spread = float(control.var())
    trust = float(np.clip(-np.cov(seen, control, bias=True)[0, 1] / spread, 0, 1)) if spread > 0 else 0.0
    powered, plain = seen + trust * control, seen
    width = float(student.isf(level / 2, _freedom(powered)) / np.sqrt(values.size))
    better, simple = float(centre + powered.mean()), float(centre + plain.mean())
    return Estimate(
        estimate=better,
        low=better - width * float(powered.std()),
        high=better + width * float(powered.std()),
        plain_estimate=simple,
        plain_low=simple - width * float(plain.std()),
        plain_high=simple + width * float(plain.std()),
        level=level,
        labels=int(known.size),
        rows=int(values.size),
        standard_error=float(powered.std() / np.sqrt(values.size)),
        trust=trust,
    )


def _freedom(parts: Floats) -> float:
    """Degrees of freedom that a variance from few large parts is worth: Satterthwaite 1946, Biometrics 2 (6)."""
    spread = float(parts.var())
    if spread == 0:
        return 1.0
    kurtosis = float(((parts - parts.mean()) ** 4).mean()) / spread**2
    return float(np.clip(2 * parts.size / max(kurtosis - 1, 1e-3), 1, 1e6))


def accuracy(
    proba: Floats, labels: Ints, labelled: NDArray[np.bool_], inclusion: Floats, *, level: float = 0.05
) -> Estimate:
    """Accuracy of a model over all rows (N, 3); labels (N,) are read only where labelled."""
    predicted = proba.argmax(axis=1)
    return prediction_powered(
        (predicted == labels).astype(np.float64), proba.max(axis=1), labelled, inclusion, level=level
    )


def negative_f1(
    proba: Floats, labels: Ints, labelled: NDArray[np.bool_], inclusion: Floats, *, level: float = 0.05
) -> Estimate:
    """Negative F1 of a model over all rows (N, 3), as a ratio of means made linear at the plain estimate."""
    says = (proba.argmax(axis=1) == 0).astype(np.float64)
    is_negative = (labels == 0).astype(np.float64)
    weight = np.where(labelled, 1 / inclusion, 0.0)
    hits, size = (float((weight * values).sum()) for values in (says * is_negative, says + is_negative))
    if size == 0:
        raise BadInput(what="labels", problem="no labelled row is negative or called so: F1 has no value")
    first = 2 * hits / size
    per_row = size / float(weight.sum())
    values = 2 * says * is_negative - first * (says + is_negative)
    expected = 2 * says * proba[:, 0] - first * (says + proba[:, 0])
    return prediction_powered(first + values / per_row, expected / per_row, labelled, inclusion, level=level)


def chances(interest: Floats, labels: float, *, floor: float = 0.1) -> Floats:
    """Chance (N,) to pick each row, near `labels` in total and in proportion to `interest` (N,), never zero.

    A share `floor` of the labels is spread evenly, so that what the models do not suspect is found as well.
    """
    rows = interest.size
    total = float(interest.sum())
    even = np.full(rows, labels / rows)
    aimed = labels * interest / total if total > 0 else even
    return np.clip(floor * even + (1 - floor) * aimed, min(1e-6, labels / rows), 1.0)
