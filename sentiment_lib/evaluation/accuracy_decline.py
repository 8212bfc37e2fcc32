"""Sequential test for a decline of the champion's accuracy since its promotion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sentiment_lib.statistics.anytime_valid import STAKES, EDetector


@dataclass(frozen=True, kw_only=True)
class AccuracyDecline:
    """Result of the test on the audit labels since the last retrain request."""

    labels: int
    #: accuracy on the holdout of the promotion
    promised: float
    #: minimum accuracy: `promised` less the tolerated drop
    accepted: float
    #: weighted accuracy on the labels; None without labels
    measured: float | None
    #: highest value of the e-detector so far
    evidence: float
    #: threshold of the e-detector: lower bound on the mean number of labels to a false alarm
    bound: float
    #: number of labels after which the bound was first reached; None when it was not
    crossed_after: int | None


def detect_decline(
    wrong: Sequence[bool], inclusion: Sequence[float], *, promised: float, drop: float, run_length: float
) -> AccuracyDecline:
    """Test audit labels (n,), in the order in which they arrived, with their inclusion probabilities (n,).

    wrong: whether the champion's prediction differs from the label. A Shiryaev-Roberts e-detector
    (`anytime_valid.EDetector`) against "the error rate is at most 1 - promised + drop": while that holds, the mean
    number of labels to a false alarm is at least `run_length`.
    """
    accepted = max(promised - drop, 0.0)
    errors = np.asarray(wrong, dtype=np.float64)
    probabilities = np.asarray(inclusion, dtype=np.float64)
    # probabilities are fixed before any label is seen, so their minimum may scale the weights to at most 1
    weight = probabilities.min() / probabilities if probabilities.size else probabilities
    detector, highest, crossed = EDetector(run_length=run_length), 0.0, None
    for number, excess in enumerate(weight * (errors - (1 - accepted)), start=1):
        detector = detector.update(1 + STAKES * excess)
        highest = max(highest, detector.statistic)
        if crossed is None and detector.alarm:
            crossed = number
    return AccuracyDecline(
        labels=int(errors.size),
        promised=promised,
        accepted=accepted,
        measured=1 - float(np.average(errors, weights=weight)) if errors.size else None,
        evidence=min(highest, 1e300),
        bound=run_length,
        crossed_after=crossed,
    )
