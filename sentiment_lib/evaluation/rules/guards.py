"""Rules of the guard metrics."""

from __future__ import annotations

from sentiment_lib.evaluation.comparison import Comparison
from sentiment_lib.evaluation.rules.verdicts import HOLD, PASS, REJECT, Verdicts, change_of, non_inferior, rule_verdict
from sentiment_lib.evaluation.significance import Difference
from sentiment_lib.policy import GatePolicy
from sentiment_lib.records import RuleVerdict


def guards(comparison: Comparison, policy: GatePolicy) -> Verdicts:
    """Non-inferiority of the guard metrics."""
    for guard in comparison.guards:
        yield non_inferior(f"not worse: {guard.metric}", guard, policy.non_inferiority)


def refresh_guards(comparison: Comparison, policy: GatePolicy) -> Verdicts:
    """At the level of this look no guard metric of a refresh is worse by its margin, and none is seen to lose much.

    The margin is what the rows can decide, at most `refresh_guard_margin`: proof of `non_inferiority` holds most
    refreshes of a small holdout, although they gain on the stream. A loss above the latter that is seen holds as well.
    """
    seen = policy.non_inferiority
    for guard in comparison.guards:
        if guard.difference < -seen:
            yield _seen_loss(guard, seen, f"a loss of more than {100 * seen:.1f} was seen")
        else:
            margin = policy.refresh_guard_margin if guard.margin is None else guard.margin
            yield non_inferior(f"not worse: {guard.metric}", guard, margin)


def seen_guards(comparison: Comparison, policy: GatePolicy) -> Verdicts:
    """No guard metric of a refresh is seen to lose more than the margin, as method 4 judged it, without a bound."""
    margin = policy.non_inferiority
    for guard in comparison.guards:
        if guard.difference < -margin:
            yield _seen_loss(guard, margin, "a loss was seen")
        else:
            rule = f"not worse: {guard.metric}"
            yield rule_verdict(rule, guard.difference, -margin, PASS, change_of(guard))


def _seen_loss(guard: Difference, margin: float, reason: str) -> RuleVerdict:
    proven = guard.high < -margin
    text = f"{change_of(guard)}: {'worse than the champion' if proven else reason}"
    return rule_verdict(f"not worse: {guard.metric}", guard.difference, -margin, REJECT if proven else HOLD, text)
