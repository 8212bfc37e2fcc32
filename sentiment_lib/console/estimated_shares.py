"""Shares of negative tweets by airline and over time, by what labels allow: as labelled, corrected, or as predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np

from sentiment_lib.console.date_range import DateRange
from sentiment_lib.statistics.labelled_shares import Disagreement, LabelledCounts, cover, disagreement, labelled_shares
from sentiment_lib.statistics.metrics import Floats
from sentiment_lib.statistics.share_estimates import GroupCounts, Shares, estimate_shares
from sentiment_lib.storage.daily_sentiment import SentimentDay


class Basis(StrEnum):
    """What shares rest on."""

    #: nearly every tweet has a label
    LABELS = "labels"
    #: predictions, corrected by the errors on a random sample
    AUDIT = "audit"
    PREDICTIONS = "predictions"


@dataclass(frozen=True, kw_only=True)
class EstimatedShares:
    """Shares (airlines, buckets), (airlines,), (buckets,) and (1,)."""

    basis: Basis
    cells: Shares
    by_airline: Shares
    over_time: Shares
    total: Shares
    #: tweets (airlines,)
    tweets: Floats
    audit_labels: int
    #: tweets with a label of any source
    labelled: int
    #: how labels and predictions of the same tweets differ; None where few have labels
    disagreement: Disagreement | None


def estimate(
    rows: Sequence[SentimentDay], airlines: list[str], buckets: list[date], shown: DateRange, airline: str | None = None
) -> EstimatedShares:
    """The shares of a range, by the best that its labels allow; airline: the one whose labels are compared."""

    def sums(*names: str) -> list[Floats]:
        total = np.zeros((len(names), len(airlines), len(buckets)))
        for row in rows:
            cell = airlines.index(row.airline), buckets.index(shown.bucket_of(row.day))
            total[(slice(None), *cell)] += [getattr(row, name) for name in names]
        return list(total)

    tweets, negative, labels, weights, squared_weights, errors, squared_errors, squared_copies = sums(
        "tweets", "negative", "labels", "weights", "squared_weights", "errors", "squared_errors", "squared_copies"
    )
    labelled, members, missed, false = sums("labelled", "labelled_negative", "missed_negative", "wrongly_negative")
    audit = GroupCounts(
        rows=tweets,
        predicted=negative,
        labels=labels,
        weights=weights,
        squared_weights=squared_weights,
        errors=errors,
        squared_errors=squared_errors,
        squared_copies=squared_copies,
    )
    of_labels = LabelledCounts(
        rows=tweets, predicted=negative, labelled=labelled, members=members, missed=missed, false=false
    )
    if cover(of_labels):
        basis, shares = Basis.LABELS, labelled_shares(of_labels)
    else:
        shares = estimate_shares(audit)
        basis = Basis.PREDICTIONS if shares[3].low is None else Basis.AUDIT
    one = slice(None) if airline is None else slice(airlines.index(airline), airlines.index(airline) + 1)
    compared = LabelledCounts(**{name: values[one] for name, values in vars(of_labels).items()})
    return EstimatedShares(
        basis=basis,
        cells=shares[0],
        by_airline=shares[1],
        over_time=shares[2],
        total=shares[3],
        tweets=tweets.sum(axis=1),
        audit_labels=int(labels.sum()),
        labelled=int(labelled[one].sum()),
        disagreement=disagreement(compared),
    )
