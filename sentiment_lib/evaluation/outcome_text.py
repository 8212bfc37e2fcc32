"""What followed a decision, in sentences."""

from __future__ import annotations

from sentiment_lib.evaluation.outcome import TWEETS, CostComparison, RealisedGain


def realised(found: RealisedGain) -> str:
    """The gain on labels after the decision, or why there is none."""
    if found.gain is None or found.low is None or found.high is None:
        if not found.labels:
            return "no labels after the decision on tweets that both versions scored"
        return f"too few labels ({found.labels:,}, of which the versions differ on {found.different:,})"
    return f"{points(found.gain, found.low, found.high)} on {found.labels:,} labels"


def points(estimate: float, low: float, high: float) -> str:
    """A gain with its interval: "+1.2 points (-0.3 to +2.6)"."""
    return f"{100 * estimate:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"


def costs(found: CostComparison) -> str:
    """Cost of the candidate against the champion, and the expected loss of either choice."""
    return (
        f"{found.difference:+.0f} per {TWEETS:,} tweets ({found.low:+.0f} to {found.high:+.0f}); expected loss of "
        f"promoting {found.promoting:.0f}, of waiting {found.waiting:.0f}"
    )
