"""After a promotion: is the new champion worse than the one it replaced?

Only audit labels may enter. People correct what they see, and they see the new champion's answers: a correction is far
likelier where it was wrong, so feedback would roll back every promotion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation.metric_influence import gains, largest, worth
from sentiment_lib.policy import PromotionWatchPolicy
from sentiment_lib.statistics.anytime_valid import confidence_sequence, log_evidence_path
from sentiment_lib.statistics.metrics import CLASSES, Ints

WORSE, WATCHING, SETTLED = "worse", "watching", "settled"


@dataclass(frozen=True, kw_only=True)
class WatchVerdict:
    """`worse` asks for a rollback; `settled` ends the watch; `watching` waits for more labels."""

    verdict: str
    labels: int
    metric: str
    #: mean loss of the new champion, in metric points as a share (0.05 is 5 points), with its anytime-valid bounds
    loss: float
    low: float
    high: float
    #: largest e-value so far against "the new champion is no worse"; 1 / error_budget asks for a rollback
    evidence: float
    bound: float
    #: labels after which the evidence first reached the bound; None when it has not
    crossed_after: int | None

    def as_dict(self) -> dict[str, Any]:
        """JSON's own types only."""
        return asdict(self)


def watch(
    labels: Any,
    previous: Any,
    new: Any,
    *,
    reference: Any,
    policy: PromotionWatchPolicy,
    metric: str = "negative_f1",
    inclusion: Sequence[float] | None = None,
) -> WatchVerdict:
    """Judge all audit labels of the watch so far, in the order in which they were drawn.

    labels, previous, new: classes (n,) in 0..2; reference: the previous champion's confusion counts (3, 3) on the
    holdout of the decision, fixed before the watch; inclusion: chance (n,) with which each row was drawn (weights).
    May be called after every label: an equal model is ever called worse with at most chance policy.error_budget.
    """
    y, old, now = (_classes(values) for values in (labels, previous, new))
    if not y.size == old.size == now.size:
        raise BadInput(what="watch", problem="labels and both models' classes differ in length")
    worths = worth(reference, metric)
    scale = largest(worths)
    loss = -gains(y, old, now, worths) / scale
    weight = np.ones(y.size)
    if inclusion is not None and y.size:
        drawn = np.asarray(inclusion, dtype=np.float64)
        # chances are chosen before any label is seen, so their smallest may set the scale: weights stay within 1
        weight = drawn.min() / drawn
        loss = loss * weight
    evidence, low, high, crossed = 1.0, -1.0, 1.0, None
    if y.size:
        # the highest value so far: looked at after every label or once a day, the verdict is the same
        path = log_evidence_path(loss)
        evidence = float(np.exp(min(float(path.max()), 600.0)))
        reached = np.flatnonzero(path[policy.minimum_labels - 1 :] >= -np.log(policy.error_budget))
        crossed = policy.minimum_labels + int(reached[0]) if reached.size else None
        lows, highs = confidence_sequence(loss, policy.error_budget)
        low, high = float(lows[-1]), float(highs[-1])
    verdict = WORSE if crossed else SETTLED if y.size >= policy.enough_labels else WATCHING
    points = scale / float(weight.mean()) if y.size else scale
    return WatchVerdict(
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


def _classes(values: Any) -> Ints:
    found = np.asarray(values, dtype=np.int64)
    if found.ndim != 1 or (found.size and (found.min() < 0 or found.max() >= CLASSES)):
        raise BadInput(what="classes", problem="one value from 0 to 2 a row is needed")
    return found
