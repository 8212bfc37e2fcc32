"""The false-alarm budget of a week of drift checks, shared among the checks of that week.

Most of it goes to windows that do not overlap an earlier one, where an alarm is decided once for each tweet. The checks
between them look at mostly the same tweets again; they spend the rest by the time that passes, so that the sum over all
checks of a week bounds its expected number of false alarms whatever their number and dependence (Bonferroni).
"""

from __future__ import annotations

from datetime import timedelta

from sentiment_lib.policy import DriftPolicy

#: Share of the budget for windows that do not overlap.
DECISIVE_SHARE = 0.75


def window_level(policy: DriftPolicy) -> float:
    """False-alarm rate of a check whose window overlaps no earlier one."""
    return min(0.5, DECISIVE_SHARE * policy.false_alarms_per_week * policy.current_days / 7)


def overlapping_level(policy: DriftPolicy, since_last: timedelta) -> float:
    """False-alarm rate of a check that overlaps an earlier one, by the time since the end of the last check's window.

    The checks that end within a week cover at most that week and one window before it, over which the budget is spread:
    every week keeps it, from the first check on. A window that is checked again, for another champion or policy, spends
    again.
    """
    spread = (1 - DECISIVE_SHARE) * policy.false_alarms_per_week / (7 + policy.current_days)
    return min(window_level(policy), spread * max(since_last / timedelta(days=1), 0.0))
