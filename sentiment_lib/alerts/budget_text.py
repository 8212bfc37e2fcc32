"""Budgets in words: use, forecast, what is sampled, and what the sample costs in power to detect drift."""

from __future__ import annotations

from sentiment_lib.drift.false_alarms import window_level
from sentiment_lib.evaluation.sample_size import detectable_shift
from sentiment_lib.policy import DriftPolicy
from sentiment_lib.storage.budgets import Budget


def use(budget: Budget) -> str:
    """Use and cap: "12,000 of 50,000 reads (24 %), $60.00"."""
    amount = f"{_number(budget, budget.used)} of {_number(budget, budget.cap)} {budget.unit}"
    price = f", ${budget.used * budget.price:,.2f}" if budget.price else ""
    return f"{amount} ({budget.used / budget.cap:.0%}){price}"


def outlook(budget: Budget) -> str:
    """The forecast for the end of the month, with its interval and what it rests on."""
    expected = budget.forecast
    if expected is None:
        return "no forecast yet: it needs a day of use"
    bounds = (
        f" (95 % interval {_number(budget, expected.low)} to {_number(budget, expected.high)})"
        if expected.low is not None and expected.high is not None
        else " (no interval from fewer than three days)"
    )
    price = f", ${expected.value * budget.price:,.2f}" if budget.price else ""
    days = "the last day" if expected.days == 1 else f"the last {expected.days} days with use"
    sampling = " without sampling" if budget.share is not None else ""
    return (
        f"{_number(budget, expected.value)} {budget.unit} by {budget.ends_at:%Y-%m-%d}{sampling}{bounds}{price}, "
        f"if days go on like {days}"
    )


def sampling(budget: Budget, drift: DriftPolicy) -> str | None:
    """What is sampled, and the loss of power to detect drift; None where everything is read."""
    if budget.share is None or budget.share >= 1:
        return None
    if budget.share == 0:
        return f"Nothing is read from X until {budget.ends_at:%Y-%m-%d %H:%M} UTC."
    text = f"X is sampled: {budget.share:.1%} of the time is read, by slots drawn at random."
    if budget.forecast is None or budget.forecast.daily * budget.share < 1:
        return text
    daily = budget.forecast.daily
    whole, sampled = (_shift(daily * share, drift) for share in (1.0, budget.share))
    if round(whole, 3) == round(sampled, 3):
        return f"{text} Drift checks lose nothing: enough tweets are left for their samples."
    return (
        f"{text} The smallest change of a class share that a drift check finds in 4 of 5 cases grows from "
        f"{100 * whole:.1f} to {100 * sampled:.1f} points, at least: tweets of one slot resemble each other."
    )


def _shift(daily: float, drift: DriftPolicy) -> float:
    """Detectable between the windows of a drift check with so many tweets a day."""
    current, reference = (
        max(1, min(drift.sample_rows, round(daily * days))) for days in (drift.current_days, drift.reference_days)
    )
    return detectable_shift(current, reference, level=window_level(drift))


def _number(budget: Budget, value: float) -> str:
    return f"{value:,.0f}" if budget.unit == "reads" else f"{value:,.1f}"
