"""The gain of a candidate that was put forward, corrected for having been selected.

A gain is shown to an approver because it passed the gate, and because it was the largest of those that did: the
observed one is too large on average (winner's curse).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.stats import norm

from sentiment_lib.evaluation.aims import SUPERIORITY, Aim
from sentiment_lib.evaluation.comparison import Comparison

#: Share of the error that goes to the simultaneous interval of the hybrid method. The paper takes a tenth: then a
#: strict threshold leaves conditional coverage at 81 %. Less is closer to the conditional interval, and wider.
SIMULTANEOUS_SHARE = 0.002


@dataclass(frozen=True, kw_only=True)
class CorrectedGain:
    """Candidate minus champion on the main metric, with an interval at a stated confidence level."""

    estimate: float
    low: float
    high: float
    confidence: float


def corrected_gain(
    comparison: Comparison, *, aim: Aim | None, rivals: Sequence[float] = (), confidence: float = 0.95
) -> CorrectedGain:
    """The gain of a candidate that passed the gate, and exceeded its rivals.

    rivals: observed gains of the other candidates that passed. Median-unbiased estimate and interval of the hybrid
    method, given that the gain lies above the gate's threshold and the best rival: Andrews, Kitagawa, McCloskey 2024,
    "Inference on Winners", Quarterly Journal of Economics 139 (1). Normal approximation; candidates count as
    independent, which corrects too much, not too little, when they resemble each other.
    """
    main, goal = comparison.main, aim or SUPERIORITY
    error = main.row_deviation / math.sqrt(max(comparison.rows, 1))
    if error <= 0:
        return CorrectedGain(estimate=main.difference, low=main.difference, high=main.difference, confidence=confidence)
    threshold = max(float(norm.isf(comparison.level)) * error - goal.margin, 0.0)
    cut = min(max([threshold, *rivals]), main.difference)
    miss = 1 - confidence
    wide = float(norm.isf(SIMULTANEOUS_SHARE * miss / (2 * (1 + len(rivals))))) * error
    conditional = (miss - SIMULTANEOUS_SHARE * miss) / (1 - SIMULTANEOUS_SHARE * miss)
    estimate, low, high = (
        _mean_with_tail(main.difference, cut, error, tail, wide) for tail in (0.5, conditional / 2, 1 - conditional / 2)
    )
    return CorrectedGain(estimate=estimate, low=low, high=high, confidence=confidence)


def _mean_with_tail(value: float, cut: float, error: float, tail: float, wide: float) -> float:
    """The mean m within value ± wide for which a normal above `cut` exceeds `value` with probability `tail`."""

    def excess(mean: float) -> float:
        return float(norm.logsf((value - mean) / error) - norm.logsf((cut - mean) / error)) - math.log(tail)

    low, high = value - wide, value + wide
    if excess(low) >= 0:
        return low
    return high if excess(high) <= 0 else float(brentq(excess, low, high))
