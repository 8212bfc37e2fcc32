"""Retraining page: why each retrain ran, what it cost, what it brought, and what the gate still needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation import outcome_text
from sentiment_lib.evaluation.evidence_text import humanise_metrics
from sentiment_lib.evaluation.outcome import TWEETS, CostComparison
from sentiment_lib.pages import formatting
from sentiment_lib.pages.charts.figure import Chart
from sentiment_lib.pages.charts.intervals import Interval, intervals
from sentiment_lib.policy import Policy, PricePolicy
from sentiment_lib.steps.decisions import labels_to_decide, retrain_history
from sentiment_lib.steps.decisions.labels_to_decide import LabelsToDecide
from sentiment_lib.steps.decisions.retrain_history import Retrain
from sentiment_lib.storage import decisions
from sentiment_lib.storage.retrain_history import ClaimedRequest

#: Newest decisions that the page looks at; each computes its outcome.
DECISIONS = 12
#: Names of the rules that request a retrain.
RULES = {
    "schedule": "calendar",
    "drift": "drift",
    "labels": "new labels",
    "opportunity": "opportunity cost",
    "quality": "accuracy decline",
    "person": "a person",
    "first": "first start",
}


@dataclass(frozen=True, kw_only=True)
class RetrainRow:
    """A retrain as shown; savings are per TWEETS tweets, in units of the price policy."""

    run_id: str
    at: datetime
    why: tuple[str, ...]
    #: decision, version, family and verdict of each candidate
    candidates: tuple[tuple[int, int, str, str], ...]
    promoted: bool
    labels: int
    seconds: float
    price: float
    expected: str
    realised: str
    saving: str
    #: tweets after which the saving has paid for the retrain; None when it saves nothing
    pays_back: int | None


def view(connection: Connection, policy: Policy) -> dict[str, Any]:
    """Template values."""
    retrains = retrain_history.run(connection, policy, DECISIONS)
    cut = len(decisions.newest(connection, DECISIONS + 1)) > DECISIONS
    return {
        "rows": [_row(retrain, policy.prices) for retrain in retrains],
        "answer": _answer(retrains, policy.prices, cut=cut),
        "totals": _totals(retrains, policy.prices),
        "chart": _chart(retrains),
        "needed": _needed(connection, policy),
        "prices": policy.prices,
        "tweets": TWEETS,
        "humanise_metrics": humanise_metrics,
    }


def _needed(connection: Connection, policy: Policy) -> LabelsToDecide | None:
    try:
        return labels_to_decide.run(connection, policy)
    except BadInput:
        return None  # changed evidence: `verify` and the decision's page report it


def _row(retrain: Retrain, prices: PricePolicy) -> RetrainRow:
    best = retrain.best.outcome if retrain.best else None
    cost = (best.realised.cost or best.cost_promised) if best else None
    price = retrain.price(prices)
    return RetrainRow(
        run_id=retrain.run_id,
        at=retrain.at,
        why=tuple(_why(request, retrain.run_id) for request in retrain.requests),
        candidates=tuple(
            (one.candidate.decision_id, one.candidate.version, one.candidate.family, one.candidate.verdict)
            for one in retrain.trainings
        ),
        promoted=retrain.promoted is not None,
        labels=retrain.new_labels,
        seconds=retrain.seconds,
        price=price,
        expected=_points(best.promised.estimate, best.promised.low, best.promised.high) if best else formatting.DASH,
        realised=_realised(best) if best else formatting.DASH,
        saving=_saving(cost),
        pays_back=round(TWEETS * price / -cost.difference) if cost and cost.difference < 0 else None,
    )


def _why(request: ClaimedRequest, run_id: str) -> str:
    """The rule with its reason; a run that nobody else asked for needs no number, a person has a name."""
    rule = RULES.get(request.rule, request.rule)
    if request.reason != f"asked by {run_id}":
        return f"{rule}: {request.reason}"
    return f"{rule}: {run_id.partition('/')[0]}" if request.rule == "person" else rule


def _points(estimate: float, low: float, high: float) -> str:
    return outcome_text.points(estimate, low, high).replace("-", "−").replace(" points", "")


def _realised(best: Any) -> str:
    found = best.realised
    if found.gain is None or found.low is None or found.high is None:
        return f"{found.labels:,} labels: too few"
    return _points(found.gain, found.low, found.high)


def _saving(cost: CostComparison | None) -> str:
    if cost is None:
        return formatting.DASH
    # a lower cost of the candidate is a saving
    saving, low, high = (formatting.signed(-figure, 0) for figure in (cost.difference, cost.high, cost.low))
    return f"{saving} ({low} to {high})"


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Sums over the retrains shown, per training and per label; gains are those of promoted candidates, in points."""

    retrains: int
    trainings: int
    promoted: int
    labels: int
    seconds: float
    price: float
    #: (sum, per training, per 1,000 labels); None where nothing is known
    expected: tuple[float, float, float] | None
    realised: tuple[float, float, float] | None
    #: expected saving per TWEETS tweets of the promoted candidates
    saving: tuple[float, float, float] | None


def _totals(retrains: Sequence[Retrain], prices: PricePolicy) -> Totals:
    promoted = [retrain.promoted.outcome for retrain in retrains if retrain.promoted and retrain.promoted.outcome]
    trainings = sum(len(retrain.trainings) for retrain in retrains)
    labels = sum(retrain.new_labels for retrain in retrains)

    def rates(values: Sequence[float]) -> tuple[float, float, float] | None:
        if not values:
            return None
        return sum(values), sum(values) / max(trainings, 1), 1000 * sum(values) / max(labels, 1)

    return Totals(
        retrains=len(retrains),
        trainings=trainings,
        promoted=len(promoted),
        labels=labels,
        seconds=sum(retrain.seconds for retrain in retrains),
        price=sum(retrain.price(prices) for retrain in retrains),
        expected=rates([100 * found.promised.estimate for found in promoted]),
        realised=rates([100 * found.realised.gain for found in promoted if found.realised.gain is not None]),
        saving=rates([-found.cost_promised.difference for found in promoted]),
    )


def _answer(retrains: Sequence[Retrain], prices: PricePolicy, *, cut: bool) -> str:
    if not retrains:
        return "No retrain has run."
    totals = _totals(retrains, prices)
    text = (
        f"{'The newest ' if cut else ''}{_count(totals.retrains, 'retrain')} with "
        f"{_count(totals.trainings, 'training')} used {totals.labels:,} new labels and "
        f"{formatting.duration(totals.seconds)} of training"
    )
    if totals.expected is None:
        return f"{text}; none has led to a promotion."
    text += f"; {_count(totals.promoted, 'promotion')} promised {formatting.signed(totals.expected[0], 1)} points"
    if totals.realised is None:
        return f"{text}. Later labels are too few to say what was realised."
    return f"{text}, and later labels show {formatting.signed(totals.realised[0], 1)}."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _chart(retrains: Sequence[Retrain]) -> Chart | None:
    """Expected and realised gain of each retrain's best candidate, newest first; None without any."""
    rows = []
    for retrain in retrains:
        found = retrain.best.outcome if retrain.best else None
        if found is None:
            continue
        name = f"decision {found.decision_id}"
        promised, realised = found.promised, found.realised
        rows.append(Interval(name=f"{name}, expected", value=promised.estimate, low=promised.low, high=promised.high))
        if realised.gain is not None and realised.low is not None and realised.high is not None:
            rows.append(Interval(name=f"{name}, realised", value=realised.gain, low=realised.low, high=realised.high))
    if not rows:
        return None
    title = "Gain of each retrain's best candidate: expected on the holdout, realised on later labels"
    return intervals(title, rows[:12], axis="gain", unit="points", note="interval")
