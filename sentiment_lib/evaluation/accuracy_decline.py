"""Sequential test for a decline of the champion's accuracy since its promotion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from sentiment_lib.statistics.anytime_valid import STAKES, e_detector_path

#: Probability that one of the looks at a champion's rivals promotes one whose accuracy is below its lower bound.
DOUBT = 0.01


@dataclass(frozen=True, kw_only=True)
class PromisedAccuracy:
    """Correct predictions and rows of the holdout on which the champion was chosen, and how strictly it was."""

    right: int
    rows: int
    #: share of the gate's error budget that its look gave each candidate (`look_budget.LookBudget.share`)
    share: float = 1.0

    @property
    def value(self) -> float:
        """The share of correct predictions."""
        return self.right / self.rows

    def accepted(self, drop: float) -> float:
        """Accuracy below which it declined: less than promised by more than `drop`, and by more than chance explains.

        Chance: the exact lower bound (Clopper, Pearson 1934) at DOUBT, which is divided among looks and candidates as
        the gate's error budget is: one that passed looked good, and the more were tried the better it looked.
        """
        if not self.right:
            return 0.0
        low = float(stats.beta.ppf(DOUBT * self.share, self.right, self.rows - self.right + 1))
        return max(min(self.value - drop, low), 0.0)


@dataclass(frozen=True, kw_only=True)
class AccuracyDecline:
    """Result of the test on the audit labels since the last retrain request."""

    labels: int
    #: accuracy on the holdout of the promotion
    promised: float
    #: minimum accuracy: `promised` less the tolerated drop, or its lower bound
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
    wrong: Sequence[bool], inclusion: Sequence[float], *, promised: PromisedAccuracy, drop: float, run_length: float
) -> AccuracyDecline:
    """Test audit labels (n,), in the order in which they arrived, with their inclusion probabilities (n,).

    wrong: whether the champion's prediction differs from the label. A Shiryaev-Roberts e-detector
    (`anytime_valid.e_detector_path`) against "the accuracy is at least `promised.accepted(drop)`": while that holds,
    the mean number of labels to a false alarm is at least `run_length`.
    """
    accepted = promised.accepted(drop)
    errors = np.asarray(wrong, dtype=np.float64)
    probabilities = np.asarray(inclusion, dtype=np.float64)
    # probabilities are fixed before any label is seen, so their minimum may scale the weights to at most 1
    weight = probabilities.min() / probabilities if probabilities.size else probabilities
    path = e_detector_path(1 + np.multiply.outer(weight * (errors - (1 - accepted)), STAKES))
    crossings = np.flatnonzero(path >= run_length)
    return AccuracyDecline(
        labels=int(errors.size),
        promised=promised.value,
        accepted=accepted,
        measured=1 - float(np.average(errors, weights=weight)) if errors.size else None,
        evidence=min(float(path.max(initial=0.0)), 1e300),
        bound=run_length,
        crossed_after=int(crossings[0]) + 1 if crossings.size else None,
    )
