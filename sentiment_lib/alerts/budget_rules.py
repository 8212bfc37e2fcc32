"""Alert rules over budgets: a forecast above a cap, a cap that is reached, and X's own cap."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from sentiment_lib.alerts import budget_text
from sentiment_lib.alerts.rule import Firing, Rule
from sentiment_lib.policy import Policy
from sentiment_lib.records import Severity
from sentiment_lib.storage import budgets, polls


def budget_forecast(connection: Connection, policy: Policy, now: datetime) -> Iterator[Firing]:
    """The month's forecast is above a cap that is not reached yet."""
    for budget in budgets.of_month(connection, policy.budget, now):
        if budget.above_cap and not budget.used_up:
            sampled = budget_text.sampling(budget, policy.drift)
            yield Firing(
                title=f"The month's {budget.name} will be above the cap by the forecast",
                body=f"{budget_text.use(budget)}. Forecast: {budget_text.outlook(budget)}."
                + (f" {sampled}" if sampled else ""),
                subject=budget.name,
            )


def budget_used(connection: Connection, policy: Policy, now: datetime) -> Iterator[Firing]:
    """A cap is reached, or X refused the last poll because the account's own cap is."""
    for budget in budgets.of_month(connection, policy.budget, now):
        if budget.used_up:
            stopped = budget_text.sampling(budget, policy.drift)
            yield Firing(
                title=f"The month's {budget.name} reached the cap",
                body=f"{budget_text.use(budget)}. " + (stopped or "Nothing is stopped."),
                subject=budget.name,
            )
    last = polls.newest(connection, budgets.X)
    if last is not None and last.refusal is not None:
        yield Firing(
            title="X refuses to be read: a cap of the account is used up",
            body=f"X says: {last.refusal} Last tried at {last.polled_at:%Y-%m-%d %H:%M} UTC; each poll tries again.",
            subject="X account",
        )


RULES = (
    Rule(kind="budget_forecast", severity=Severity.WARNING, check=budget_forecast),
    Rule(kind="budget_used", severity=Severity.CRITICAL, check=budget_used),
)
