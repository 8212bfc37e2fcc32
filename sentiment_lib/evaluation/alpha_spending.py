"""Alpha spending over repeated evaluations, so that repeated looks at the holdout do not promote noise."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from scipy.special import zeta

from sentiment_lib.policy import GatePolicy


def significance_level(looks_before: int, policy: GatePolicy) -> float:
    """The significance level of this look: the probability of a wrong promotion that it may spend.

    Look k = looks_before + 1 gets error_budget * k^-s / zeta(s) with s = budget_exponent, so that any number of looks
    together spends at most the error budget (union bound, whatever their dependence). Raises ValueError for a negative
    number of looks.

    Alpha spending: Lan, DeMets 1983, Biometrika 70 (3); the sequence: Foster, Stine 2008, "Alpha-investing", JRSS B 70.
    """
    if looks_before < 0:
        raise ValueError(f"looks cannot be negative: {looks_before}")
    look = looks_before + 1
    share = float(look**-policy.budget_exponent / zeta(policy.budget_exponent))
    return policy.error_budget * share


def count_looks(
    history: Iterable[tuple[int, datetime]], *, champion_version: int, at: datetime, policy: GatePolicy
) -> int:
    """Earlier looks that share the error budget with one against this champion at `at`.

    history: (champion version, time) of every earlier look. Two budgets bind, and the stricter counts: every look
    against this champion, however old, and every look against any champion within `budget_period` before `at`. So
    neither waiting nor a promotion resets the budget.
    """
    looks = list(history)
    against_champion = sum(version == champion_version for version, _ in looks)
    in_period = sum(at - policy.budget_period < moment for _, moment in looks)
    return max(against_champion, in_period)
