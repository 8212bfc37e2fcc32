"""The error budget over repeated looks: asking twenty times must not promote noise."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from scipy.special import zeta

from sentiment_lib.policy import GatePolicy


def level(looks_before: int, policy: GatePolicy) -> float:
    """The chance of a wrong promotion that this look may spend.

    Look k = looks_before + 1 gets error_budget * k^-s / zeta(s) with s = budget_exponent, so that any number of
    looks together spends no more than the error budget (union bound, whatever the dependence between looks).
    The spending idea: Lan, DeMets 1983, Biometrika 70 (3); the sequence: Foster, Stine 2008, "Alpha-investing",
    JRSS B 70 (2).
    """
    if looks_before < 0:
        raise ValueError(f"looks cannot be negative: {looks_before}")
    look = looks_before + 1
    share = float(look**-policy.budget_exponent / zeta(policy.budget_exponent))
    return policy.error_budget * share


def looks_that_count(
    history: Iterable[tuple[int, datetime]], *, champion_version: int, at: datetime, policy: GatePolicy
) -> int:
    """How many earlier looks draw on the budget: those against this champion within `budget_period` before `at`.

    `history` is (champion version, time) of every earlier evaluation in the ledger. A promotion makes a new
    champion and so a new budget; without one the budget is that of the period: an error rate per period.
    """
    return sum(1 for version, moment in history if version == champion_version and at - policy.budget_period < moment)
