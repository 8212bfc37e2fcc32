"""Sequential test after a promotion: is the new champion worse than the one it replaced?

Only audit labels are used. Feedback is biased (selection bias): people see the new champion's predictions and mostly
report its errors, so feedback would roll back every promotion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation.metric_influence import max_abs_gain, metric_gradient, row_gains
from sentiment_lib.policy import PromotionWatchPolicy
from sentiment_lib.statistics.anytime_valid import confidence_sequence, log_evidence_path
from sentiment_lib.statistics.metrics import CLASSES, Ints

WORSE, WATCHING, SETTLED = "worse", "watching", "settled"


@dataclass(frozen=True, kw_only=True)
class PromotionVerdict:
    """`worse` asks for a rollback; `settled` ends the watch; `watching` waits for more labels."""

    verdict: str
    labels: int
    metric: str
    #: mean loss of the new champion as a share of the metric (0.05 is 5 points), with its anytime-valid bounds
    loss: float
    low: float
    high: float
    #: largest e-value so far against "the new champion is no worse"
    evidence: float
    #: threshold of the e-value for a rollback: 1 / error_budget
    bound: float
    #: number of labels after which the bound was first reached; None when it was not
    crossed_after: int | None

    def as_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return asdict(self)


def monitor_promotion(
    labels: ArrayLike,
    previous: ArrayLike,
    new: ArrayLike,
    *,
    reference: ArrayLike,
    policy: PromotionWatchPolicy,
    metric: str = "negative_f1",
    inclusion: Sequence[float] | None = None,
) -> PromotionVerdict:
    """Test all audit labels since the promotion, in the order in which they arrived.

    labels, previous, new: true labels and both models' predictions, classes (n,) in 0..2; reference: the previous
    champion's confusion matrix (3, 3) as it is expected on the stream, fixed before the watch; inclusion: probability
    (n,) with which each row was drawn, 1 when None. May be called after every label: the probability of ever calling an
    equal model worse is at most policy.error_budget (`anytime_valid.log_evidence_path`). Raises BadInput
    for arrays of different lengths and for values outside 0..2.
    """
    y, old, now = (_classes(values) for values in (labels, previous, new))
    if not y.size == old.size == now.size:
        raise BadInput(what="watch", problem="labels and both models' classes differ in length")
    gradient = metric_gradient(reference, metric)
    scale = max_abs_gain(gradient)
    loss = -row_gains(y, old, now, gradient) / scale
    weight = np.ones(y.size)
    if inclusion is not None and y.size:
        probabilities = np.asarray(inclusion, dtype=np.float64)
        # probabilities are fixed before any label is seen, so their minimum may scale the weights to at most 1
        weight = probabilities.min() / probabilities
        loss = loss * weight
    evidence, low, high, crossed = 1.0, -1.0, 1.0, None
    if y.size:
        # the highest value so far: tested after every label or once a day, the verdict is the same
        path = log_evidence_path(loss)
        evidence = float(np.exp(min(float(path.max()), 600.0)))
        reached = np.flatnonzero(path[policy.minimum_labels - 1 :] >= -np.log(policy.error_budget))
        crossed = policy.minimum_labels + int(reached[0]) if reached.size else None
        lows, highs = confidence_sequence(loss, policy.error_budget)
        low, high = float(lows[-1]), float(highs[-1])
    verdict = WORSE if crossed else SETTLED if y.size >= policy.enough_labels else WATCHING
    points = scale / float(weight.mean()) if y.size else scale
    return PromotionVerdict(
        verdict=verdict,
        labels=int(y.size),
        metric=metric,
        loss=float(loss.mean() * points) if y.size else 0.0,
        low=low * points,
        high=high * points,
        evidence=evidence,
        bound=1 / policy.error_budget,
        crossed_after=crossed,
    )


def _classes(values: ArrayLike) -> Ints:
    classes = np.asarray(values, dtype=np.int64)
    if classes.ndim != 1 or (classes.size and (classes.min() < 0 or classes.max() >= CLASSES)):
        raise BadInput(what="classes", problem="one value from 0 to 2 a row is needed")
    return classes
