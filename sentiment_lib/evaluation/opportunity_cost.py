"""The opportunity cost of not retraining, forecast from tweets and labels alone.

Twice the labels lower the error rate by a constant: over the range in which a platform retrains, learning curves of
text classifiers are close to straight in the logarithm of the rows (docs/replay.md has the measured slopes). A retrain
pays when the loss added up since the last one equals its price: with losses that grow in proportion to time, that has
the least cost per time of all intervals (Harris 1913, the economic order quantity).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Period:
    """Tweets that were scored in a period, and the labels known by its end."""

    tweets: int
    labels: int


def opportunity_cost(trained_on: int, periods: Iterable[Period], gain_per_doubling: float) -> float:
    """Wrong predictions that a model of all labels known by the end of each period would have avoided.

    trained_on: labels known to the last training; gain_per_doubling: error rate saved by twice the labels. Raises
    ValueError when there were none.
    """
    if trained_on < 1:
        raise ValueError("a training learns from at least one label")
    return sum(
        period.tweets * gain_per_doubling * math.log2(max(period.labels / trained_on, 1.0)) for period in periods
    )
