"""Shadow comparison: champion and candidate on new tweets that both scored, some of them labelled."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sentiment_lib.evaluation.metric_influence import expected_gains, metric_gradient, row_gains
from sentiment_lib.statistics.metrics import Floats, Ints
from sentiment_lib.statistics.prediction_powered import prediction_powered_mean

#: Code of a row without a label.
UNKNOWN = -1
#: Fewer labelled disagreements than this give no estimate of the gain.
MIN_LABELS = 10


@dataclass(frozen=True, kw_only=True)
class ShadowComparison:
    """Where two models disagree on the same tweets, which of them was right, and the gain on the metric."""

    tweets: int
    differ: int
    #: of those that differ
    labelled: int
    champion_right: int
    candidate_right: int
    metric: str
    #: candidate minus champion as a share (0.02 is two points), with bounds at `level`; None with too few labels
    gain: float | None
    low: float | None
    high: float | None
    level: float

    def as_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return asdict(self)


def compare_in_shadow(
    labels: Ints, champion: Floats, candidate: Floats, *, reference: ArrayLike, metric: str, level: float = 0.05
) -> ShadowComparison:
    """Compare on rows (n,) with probabilities (n, 3); labels (n,) are UNKNOWN where nobody labelled.

    reference: the champion's confusion matrix (3, 3) on the holdout of the decision; its gradient weighs the errors.
    Rows on which both agree have zero gain for any label: only disagreements need labels, and which of them were
    labelled must not depend on their content. The gain is `prediction_powered.prediction_powered_mean`.
    """
    old, new = champion.argmax(axis=1), candidate.argmax(axis=1)
    differ, has_label = old != new, labels != UNKNOWN
    labelled = differ & has_label
    gain = low = high = None
    if int(labelled.sum()) >= MIN_LABELS:
        gradient = metric_gradient(reference, metric)
        estimate = prediction_powered_mean(
            np.where(labelled, row_gains(np.where(has_label, labels, 0), old, new, gradient), 0.0),
            expected_gains((champion + candidate) / 2, old, new, gradient),
            labelled | ~differ,
            np.where(differ, labelled.sum() / differ.sum(), 1.0),
            level=level,
            centre=0,
        )
        gain, low, high = estimate.estimate, estimate.low, estimate.high
    return ShadowComparison(
        tweets=int(labels.size),
        differ=int(differ.sum()),
        labelled=int(labelled.sum()),
        champion_right=int((labelled & (old == labels)).sum()),
        candidate_right=int((labelled & (new == labels)).sum()),
        metric=metric,
        gain=gain,
        low=low,
        high=high,
        level=level,
    )
