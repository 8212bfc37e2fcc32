"""Sampled periods: every moment has the same probability, and a repeated poll reads the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from sentiment_lib.sources.time_sample import LONGEST_SECONDS, MAX_SLOTS, sampled_periods

START = datetime(2026, 3, 1, 10, 0, 13, tzinfo=UTC)


def seconds(periods):
    return sum((end - start).total_seconds() for start, end in periods)


@pytest.mark.parametrize("hours", [0.05, 2, 167])
def test_share_one_covers_the_interval_without_gap_or_overlap(hours):
    end = START + timedelta(hours=hours)
    periods = sampled_periods(START, end, 1.0)
    assert (periods[0][0], periods[-1][1]) == (START, end)
    assert all(one[1] == other[0] for one, other in pairwise(periods))
    slot = max(LONGEST_SECONDS, 2 * hours * 3600 / MAX_SLOTS)
    assert all((end - start).total_seconds() <= slot for start, end in periods)


def test_polls_of_five_minutes_read_their_share_of_a_month():
    read = 0.0
    for number in range(30 * 288):
        begins = START + number * timedelta(minutes=5)
        read += seconds(sampled_periods(begins, begins + timedelta(minutes=5), 0.3))
    # 43,200 slots: the standard deviation of the share is 0.22 points
    assert read / (30 * 86_400) == pytest.approx(0.3, abs=0.01)


def test_moments_of_an_hour_and_of_a_minute_are_read_alike():
    read = [0.0] * 4
    for day in range(400):
        for quarter in range(4):
            begins = datetime(2026, 1, 1, 8, 15 * quarter, tzinfo=UTC) + timedelta(days=day)
            read[quarter] += seconds(sampled_periods(begins, begins + timedelta(minutes=15), 0.5))
    shares = [one / (400 * 900) for one in read]
    assert min(shares) > 0.47
    assert max(shares) < 0.53


def test_a_repeated_poll_reads_the_same_and_a_smaller_share_a_part_of_it():
    end = START + timedelta(minutes=90)
    assert sampled_periods(START, end, 0.4) == sampled_periods(START, end, 0.4)
    wider = sampled_periods(START, end, 0.7)
    for begins, ends in sampled_periods(START, end, 0.2):
        assert any(one <= begins and ends <= other for one, other in wider)


def test_a_long_pause_does_not_need_more_requests():
    assert len(sampled_periods(START, START + timedelta(days=7), 0.5)) <= MAX_SLOTS


@pytest.mark.parametrize("share", [0, -0.1, 1.01, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match="share"):
        sampled_periods(START, START + timedelta(hours=1), share)
