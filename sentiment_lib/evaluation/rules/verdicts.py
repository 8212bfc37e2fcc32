"""Verdicts of rules: how a figure is held against its bound, and how a difference is written.

Reasons are part of recorded evidence: rewording one needs a new version in `reason_versions`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sentiment_lib.evaluation.comparison import Comparison
from sentiment_lib.evaluation.significance import Difference
from sentiment_lib.policy import GatePolicy
from sentiment_lib.records import RuleVerdict

PASS, HOLD, REJECT = "pass", "hold", "reject"
Verdicts = Iterator[RuleVerdict]
Rule = Callable[[Comparison, GatePolicy], Verdicts]


def non_inferior(rule: str, difference: Difference, margin: float) -> RuleVerdict:
    """Not worse by the margin: by the bootstrap bound, and by the test of the margin where one was made."""
    text, p_value = change_of(difference), difference.p_value
    if p_value is not None and margin > 0:
        text += f"; worse by {100 * margin:.1f} or more: p {p_value:.2g}, and {difference.level:.2g} may be spent"
        if p_value > difference.level and difference.high >= -margin:
            return rule_verdict(rule, difference.low, -margin, HOLD, f"{text}: a loss cannot be ruled out")
    if difference.low > -margin or (margin == 0 and difference.low >= 0):
        return rule_verdict(rule, difference.low, -margin, PASS, text)
    if difference.high < -margin:
        return rule_verdict(rule, difference.low, -margin, REJECT, f"{text}: worse than the champion")
    return rule_verdict(rule, difference.low, -margin, HOLD, f"{text}: a loss cannot be ruled out")


def at_least(rule: str, figure: float, bound: float, otherwise: str, reason: str) -> RuleVerdict:
    """PASS when the figure is at or above its bound."""
    return rule_verdict(rule, figure, bound, PASS if figure >= bound else otherwise, reason)


def at_most(rule: str, figure: float, bound: float, otherwise: str, reason: str) -> RuleVerdict:
    """PASS when the figure is at or below its bound."""
    return rule_verdict(rule, figure, bound, PASS if figure <= bound else otherwise, reason)


def rule_verdict(rule: str, figure: float | None, bound: float | None, verdict: str, reason: str) -> RuleVerdict:
    """The record of a rule: its figure, the bound that it must keep, and what follows."""
    return RuleVerdict(rule=rule, figure=figure, bound=bound, verdict=verdict, reason=reason)


def change_of(difference: Difference) -> str:
    """The difference with its bounds in points: "macro_f1 +1.2, from -0.3 to +2.7"."""
    low, high = points(difference.low), points(difference.high)
    return f"{difference.metric} {points(difference.difference)}, from {low} to {high}"


def points(share: float) -> str:
    """A share in points, with its sign."""
    return f"{100 * share:+.1f}"


def many(rows: int | None) -> str:
    """A number of rows in words."""
    return "over a million" if (rows or 0) > 1_000_000 else f"about {rows or 0:,}"
