"""Detectors of the literature on the errors of audit labels. All are one-sided: fewer errors are no reason to train."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sentiment_lib.replay.rules.base import Reads, Rule
from sentiment_lib.replay.view import View

#: Errors before which no detector asks.
WARM_UP = 30


class PageHinkley(Rule):
    """The sum of errors above their own mean has risen by a threshold from its lowest point.

    Page 1954, "Continuous inspection schemes", Biometrika 41; defaults of the package river.
    """

    kind: Literal["page_hinkley"]
    delta: float = Field(0.005, ge=0, lt=1, description="change of the error rate that is tolerated")
    threshold: float = Field(50.0, gt=0, description="errors beyond the mean")
    reads: ClassVar[Reads] = "audit"

    def wants(self, view: View) -> str | None:
        """The rise."""
        errors = _errors(view)
        if errors.size <= WARM_UP:
            return None
        means = errors.cumsum() / np.arange(1, errors.size + 1)
        path = (errors - means - self.delta).cumsum()
        rise = float((path - np.minimum.accumulate(path))[WARM_UP:].max())
        return f"{rise:.0f} errors beyond the mean" if rise > self.threshold else None


class Ddm(Rule):
    """The error rate, and its standard error, are far above the lowest that they have been.

    Gama et al. 2004, "Learning with drift detection", SBIA.
    """

    kind: Literal["ddm"]
    deviations: float = Field(3.0, gt=0, description="standard errors above the lowest error rate")
    reads: ClassVar[Reads] = "audit"

    def wants(self, view: View) -> str | None:
        """Both error rates."""
        errors = _errors(view)
        if errors.size <= WARM_UP:
            return None
        count = np.arange(1, errors.size + 1)
        rate = errors.cumsum() / count
        deviation = np.sqrt(rate * (1 - rate) / count)
        rate, deviation = rate[WARM_UP:], deviation[WARM_UP:]
        lowest = np.minimum.accumulate(rate + deviation)
        # where the lowest was reached: its rate and its standard error
        at = np.maximum.accumulate(np.where(rate + deviation <= lowest, np.arange(rate.size), 0))
        above = rate + deviation > rate[at] + self.deviations * deviation[at]
        alarmed = np.flatnonzero(above & (deviation[at] > 0))
        if not alarmed.size:
            return None
        place = int(alarmed[-1])
        return f"{100 * rate[place]:.1f} % of audit labels are errors, after {100 * rate[at[place]]:.1f} %"


class Budgeted(Rule):
    """Rising errors of the served blocks outweigh the trainings that are over a budget.

    RCCDA: Piaseczny et al. 2025, "Adaptive model updates in the presence of concept drift under a constrained resource
    budget". The queue holds the trainings beyond the budget.
    """

    kind: Literal["budgeted"]
    budget: float = Field(0.2, gt=0, le=1, description="trainings a block, in the long run")
    weight: float = Field(3.0, gt=0, description="weight of the error rate against the queue")
    rise: float = Field(1.0, ge=0, description="weight of the rise since the last block")
    reads: ClassVar[Reads] = "audit"

    def wants(self, view: View) -> str | None:
        """The error rates and the queue."""
        queue, lowest, before, now = 0.0, math.inf, math.nan, math.nan
        for block in view.blocks[view.trainings[0] + 1 :]:
            rows = view.rows(block, audited=True)
            if rows.size:
                before, now = now, float((view.predicted[rows] != view.label[rows]).mean())
                lowest = min(lowest, now)
            if block.number < view.block.number:
                queue = max(0.0, queue + (block.number in view.trainings) - self.budget)
        if math.isnan(now):
            return None
        worse = now - lowest + (0.0 if math.isnan(before) else self.rise * (now - before))
        if worse <= 0 or self.weight * worse < queue + 0.5 - self.budget:
            return None
        return f"error rate {100 * now:.1f} %, lowest {100 * lowest:.1f} %, {queue:.1f} trainings over the budget"


def _errors(view: View) -> NDArray[np.float64]:
    """Errors (n,) of the champion on audit labels since it was trained or the last training, 1 for each wrong one."""
    blocks = view.blocks[max(view.trainings[-1], view.champion.model) + 1 :]
    rows = [view.rows(block, audited=True) for block in blocks]
    labelled = np.concatenate(rows) if rows else np.empty(0, dtype=np.int64)
    wrong = view.proba(labelled).argmax(axis=1) != view.label[labelled]
    return np.asarray(wrong, dtype=np.float64)
