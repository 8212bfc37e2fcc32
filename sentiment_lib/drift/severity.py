"""The one place where drift and quality become a severity and a wish for a retrain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sentiment_lib.drift import performance_estimation
from sentiment_lib.drift.prediction_powered import powered
from sentiment_lib.drift.signals import PROBABILITIES
from sentiment_lib.policy import DriftPolicy
from sentiment_lib.records import LABELS, Severity

#: Most rows that quality is estimated from; an interval does not get better by then.
MOST = 4000


@dataclass(frozen=True, kw_only=True)
class Harm:
    """Loss of macro-F1 from the reference to the current window, from labels where there are enough of them."""

    #: "measured", "estimated", or None when neither could be had
    by: str | None = None
    loss: float | None = None
    #: the intervals of both windows do not overlap
    certain: bool = False
    figures: dict[str, Any] | None = None


def severity(verdict: str, harm: Harm, policy: DriftPolicy) -> tuple[Severity | None, bool]:
    """(severity, wants a retrain). Drift alone is a warning; drift with a certain loss is critical."""
    if verdict != "drift":
        return None, False
    hurts = harm.loss is not None and harm.loss >= policy.quality_loss and harm.certain
    wants = policy.retrain_on == "drift" or (policy.retrain_on == "loss" and hurts)
    return (Severity.CRITICAL if hurts else Severity.WARNING), wants


def harm(reference: pd.DataFrame, current: pd.DataFrame, policy: DriftPolicy) -> Harm:
    """Compare the quality of two windows; columns p_*, and `answer` and `inclusion` where a drawn tweet has a label."""
    sides = [one[one["p_negative"].notna()][:MOST] for one in (reference, current)]
    if min(len(one) for one in sides) < policy.minimum_rows:
        return Harm()
    labelled = [one[one["answer"].notna()] if "answer" in one else one[:0] for one in sides]
    fitted = (
        performance_estimation.calibrator(labels_of(labelled[0]), proba_of(labelled[0])) if len(labelled[0]) else None
    )
    before, now = (performance_estimation.estimated(proba_of(one), fitted, seed=policy.seed) for one in sides)
    shares = fitted.apply(proba_of(sides[1])) if fitted else proba_of(sides[1])
    figures: dict[str, Any] = {
        "estimated": {"before": vars_of(before), "now": vars_of(now), "calibrated": fitted is not None},
        "class_shares": {"mean_probability": _named(shares.mean(axis=0))},
    }
    if fitted:
        prior = np.bincount(labels_of(labelled[0]), minlength=3) / len(labelled[0])
        figures["class_shares"]["em"] = _named(performance_estimation.shares_by_em(shares, prior))
        figures["class_shares"]["black_box"] = _named(
            performance_estimation.shares_by_confusion(
                labels_of(labelled[0]), proba_of(labelled[0]), proba_of(sides[1])
            )
        )
    result = ("estimated", before, now)
    if min(len(one) for one in labelled) >= policy.minimum_labelled:
        true = [
            performance_estimation.measured(labels_of(one), proba_of(one), _inclusion(one), seed=policy.seed)
            for one in labelled
        ]
        figures["measured"] = {"before": vars_of(true[0]), "now": vars_of(true[1])}
        both = [
            powered(labels_of(few), proba_of(few), _inclusion(few), proba_of(all_rows), seed=policy.seed)
            for few, all_rows in zip(labelled, sides, strict=True)
        ]
        figures["powered"] = {"before": vars_of(both[0]), "now": vars_of(both[1])}
        result = ("measured", both[0], both[1])
    by, first, second = result
    return Harm(by=by, loss=first.value - second.value, certain=second.high < first.low, figures=figures)


def proba_of(frame: pd.DataFrame) -> performance_estimation.Floats:
    """Probabilities (n, 3) in LABELS order."""
    return frame[list(PROBABILITIES)].to_numpy(float)


def labels_of(frame: pd.DataFrame) -> performance_estimation.Ints:
    """Answers as integers 0..2."""
    return np.array([LABELS.index(one) for one in frame["answer"]], dtype=np.int64)


def vars_of(one: performance_estimation.Estimate) -> dict[str, float | int]:
    """The estimate as JSON values."""
    return {"macro_f1": one.value, "low": one.low, "high": one.high, "rows": one.rows}


def _inclusion(frame: pd.DataFrame) -> performance_estimation.Floats:
    return frame["inclusion"].to_numpy(float) if "inclusion" in frame else np.ones(len(frame))


def _named(shares: performance_estimation.Floats) -> dict[str, float]:
    return {str(name): round(float(share), 4) for name, share in zip(LABELS, shares, strict=True)}
