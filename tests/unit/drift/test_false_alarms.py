"""Checks of a week together keep the budget of false alarms, from the first one on and however often they run."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentiment_lib.drift.false_alarms import overlapping_level, window_level
from sentiment_lib.policy import DriftPolicy

DAY = timedelta(days=1)


@pytest.mark.parametrize("minutes", [1, 10, 60, 60 * 7, 60 * 24])
def test_a_week_of_checks_keeps_the_budget(minutes):
    policy, gap = DriftPolicy(), timedelta(minutes=minutes)
    levels, since_window = [], DAY
    for _ in range(int(3 * 7 * DAY / gap)):
        decisive = since_window >= DAY
        levels.append(window_level(policy) if decisive else overlapping_level(policy, gap))
        since_window = gap if decisive else since_window + gap
    week = int(7 * DAY / gap)
    spent = [sum(levels[first : first + week]) for first in range(0, len(levels) - week + 1, max(week // 7, 1))]
    assert max(spent) <= policy.false_alarms_per_week * 1.0001
    assert spent[0] >= 0.7 * policy.false_alarms_per_week, "what may be spent is"
