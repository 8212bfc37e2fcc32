"""The false-alarm budget of a week of drift checks, shared among the checks of that week.

Most of it goes to windows that do not overlap an earlier one, where an alarm is decided once for each tweet. The checks
between them look at mostly the same tweets again; each gets an equal part of the rest, so that the sum over all checks
of a week bounds its expected number of false alarms whatever their dependence (Bonferroni).
"""

from __future__ import annotations

from sentiment_lib.policy import DriftPolicy

#: Share of the budget for windows that do not overlap.
DECISIVE_SHARE = 0.75
#: Checks between them in a week for which the budget is divided at least: hourly ones.
HOURLY = 24 * 7


def window_level(policy: DriftPolicy) -> float:
    """False-alarm rate of a check whose window overlaps no earlier one."""
    return min(0.5, DECISIVE_SHARE * policy.false_alarms_per_week * policy.current_days / 7)


def overlapping_level(policy: DriftPolicy, checks: int = 0) -> float:
    """False-alarm rate of a check that overlaps an earlier one, after so many checks in the last week."""
    spread = (1 - DECISIVE_SHARE) * policy.false_alarms_per_week / max(HOURLY, checks + 1)
    return min(window_level(policy), spread)
