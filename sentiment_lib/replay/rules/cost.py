"""Rules that weigh what waiting has cost, or will cost, against what a training costs (`View.price`, in errors)."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from sentiment_lib.evaluation.opportunity_cost import Period, opportunity_cost
from sentiment_lib.replay.rules.base import Reads, Rule
from sentiment_lib.replay.rules.quality import error_of
from sentiment_lib.replay.view import View
from sentiment_lib.statistics.metrics import Floats

#: Prior weight, in audited blocks, of the forecast's expectation that twice the labels bring `gain_per_doubling`.
PRIOR_BLOCKS = 3.0


class Staleness(Rule):
    """Errors beyond those of the block that the champion was born in, added up, reach the price of a training.

    CARA-cumulative: Mahadevan, Mathioudakis 2024, "Cost-aware retraining for machine learning", Knowledge-Based Systems
    293. With `shape = "area"`, the area under them over blocks: the cost trigger of Modyn (Böther et al. 2025, SIGMOD),
    begun anew after each training.
    """

    kind: Literal["staleness"]
    shape: Literal["sum", "area"] = "sum"
    reads: ClassVar[Reads] = "audit"

    def wants(self, view: View) -> str | None:
        """The errors added up."""
        born = error_of(view, view.champion.holdout)
        level = total = 0.0
        for block in view.blocks[max(view.trainings[-1], view.champion.model) + 1 :]:
            rows = view.rows(block, audited=True)
            new = (error_of(view, rows) - born) * block.rows if rows.size else 0.0
            if self.shape == "sum":
                total += new
            else:
                new = max(new, 0.0)
                total += level + new / 2
                level += new
        return f"{total:.0f} errors beyond those at birth" if total >= view.price else None


class Opportunity(Rule):
    """The forecast loss of waiting since the last training reaches the price of a training.

    The loss is that of `evaluation.opportunity_cost`, by which the platform's rule of the same name requests a retrain.
    """

    kind: Literal["opportunity"]
    gain_per_doubling: float = Field(0.01, gt=0, lt=0.2, description="error rate saved by twice the labels")

    def wants(self, view: View) -> str | None:
        """The forecast loss."""
        periods = [
            Period(tweets=block.rows, labels=known_by(view, block.number))
            for block in view.blocks[view.trainings[-1] + 1 :]
        ]
        loss = opportunity_cost(view.known_then[-1], periods, self.gain_per_doubling)
        return f"waiting has cost {loss:.0f} errors by the forecast" if loss >= view.price else None


def known_by(view: View, block: int) -> int:
    """Labels, known at the clock, of tweets up to this block: what a model trained after it would have had at least."""
    return int((view.label[: view.blocks[block].end] >= 0).sum())


class Forecast(Rule):
    """Error rates of audited blocks, regressed on the model's age and training rows, forecast what waiting costs.

    UPF (Regol et al. 2025, ICML) with the training rows as a second variable, weighted by the known binomial variance;
    trains when the saving of a new model, added up since the last training, reaches the price.
    """

    kind: Literal["forecast"]
    gain_per_doubling: float = Field(0.01, gt=0, lt=0.2, description="prior of what twice the labels save")
    reads: ClassVar[Reads] = "audit"

    def wants(self, view: View) -> str | None:
        """The forecast saving."""
        weights = self._fit(view)
        if weights is None:
            return None
        known = view.known
        saving = 0.0
        for block in view.blocks[view.trainings[-1] + 1 :]:
            age = block.number - view.champion.model
            keep = _features(age, view.champion.train_rows) @ weights
            new = _features(1, 0.8 * known) @ weights
            saving += block.rows * float(keep - new)
        return f"a training since the last one would have saved {saving:.0f} errors" if saving >= view.price else None

    def _fit(self, view: View) -> Floats | None:
        rows, errors, precision = [], [], []
        for number, (model, train_rows) in enumerate(view.served_by, view.trainings[0] + 1):
            labelled = view.rows(view.blocks[number], audited=True)
            if labelled.size:
                wrong = float((view.predicted[labelled] != view.label[labelled]).mean())
                rows.append(_features(number - model, train_rows))
                errors.append(wrong)
                precision.append(labelled.size / max(wrong * (1 - wrong), 0.05))
        if not rows:
            return None
        x, y, w = np.array(rows), np.array(errors), np.array(precision)
        # ridge towards "age costs nothing, twice the labels save gain_per_doubling"
        prior = np.array([0.0, 0.0, -self.gain_per_doubling])
        typical = float(np.mean(w)) * PRIOR_BLOCKS
        penalty = np.diag([1e-6, typical * 4.0, typical])
        return np.asarray(np.linalg.solve(x.T * w @ x + penalty, x.T @ (w * y) + penalty @ prior))


def _features(age: float, train_rows: float) -> Floats:
    return np.array([1.0, age, math.log2(max(train_rows, 1.0))])
