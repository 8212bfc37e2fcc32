"""Share of a class where most rows have labels, and how far a model's predictions are from the labels.

Labels that are no random sample cannot correct predictions elsewhere. Where nearly every row has one, the rest cannot
change much: the bounds hold whatever the rest is (worst-case bounds: Manski 1989, "Anatomy of the selection problem",
Journal of Human Resources 24 (3)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentiment_lib.statistics.metrics import Floats
from sentiment_lib.statistics.share_estimates import MIN_LABELS, Shares

#: Labelled share of the rows from which the labels stand for all: the bounds are then at most 10 points apart.
COVERAGE = 0.9
#: A smaller difference of shares changes no reading of them.
DIFFERENCE = 0.02
#: Two-sided normal quantile of 95 %.
QUANTILE = 1.96


@dataclass(frozen=True, kw_only=True)
class LabelledCounts:
    """Rows of each group, arrays (groups, …), and of those with a label the members of the class."""

    rows: Floats
    #: predicted as the class
    predicted: Floats
    labelled: Floats
    #: labelled as the class
    members: Floats
    #: members predicted otherwise, and others predicted as members
    missed: Floats
    false: Floats

    def over(self, axis: int) -> LabelledCounts:
        """The sums over one axis."""
        return LabelledCounts(**{name: value.sum(axis=axis) for name, value in vars(self).items()})


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """Share of the class among labelled rows by their labels, and as a model predicts the same rows."""

    rows: int
    labelled: float
    predicted: float
    #: significant at 5 % (McNemar 1947), and by at least DIFFERENCE
    differs: bool


def cover(counts: LabelledCounts) -> bool:
    """Whether so many rows have labels that these stand for all."""
    return bool(counts.labelled.sum() >= max(COVERAGE * counts.rows.sum(), 1))


def labelled_shares(counts: LabelledCounts) -> tuple[Shares, Shares, Shares, Shares]:
    """Shares of all cells (a, b), of the groups (a,), of the groups (b,), and of all rows (1,).

    A row counts as its label says, one without as predicted; the bounds hold whatever those without are.
    """
    found = []
    for part in (counts, counts.over(1), counts.over(0), counts.over(1).over(0)):
        rows = np.atleast_1d(np.where(part.rows > 0, part.rows, np.nan))
        others = part.predicted - (part.members - part.missed + part.false)
        found.append(
            Shares(
                share=(part.members + others) / rows,
                low=part.members / rows,
                high=(part.members + part.rows - part.labelled) / rows,
            )
        )
    return found[0], found[1], found[2], found[3]


def disagreement(counts: LabelledCounts) -> Disagreement | None:
    """How far predictions are from labels over all groups; None with fewer than MIN_LABELS labels."""
    labelled, members, missed, false = (
        float(values.sum()) for values in (counts.labelled, counts.members, counts.missed, counts.false)
    )
    if labelled < MIN_LABELS:
        return None
    difference = missed - false
    significant = abs(difference) > QUANTILE * float(np.sqrt(missed + false))
    return Disagreement(
        rows=int(labelled),
        labelled=members / labelled,
        predicted=(members - difference) / labelled,
        differs=significant and abs(difference) / labelled >= DIFFERENCE,
    )
