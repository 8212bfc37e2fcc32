"""Records: aware times, order of the labels, and windows that are windows."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone

import pytest

from sentiment_lib.records import LABELS, Window, require_aware

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def test_the_order_of_the_labels_is_negative_neutral_positive():
    assert [str(label) for label in LABELS] == ["negative", "neutral", "positive"]


def test_a_naive_time_is_refused_and_any_zone_becomes_utc():
    with pytest.raises(ValueError, match="no time zone"):
        require_aware(datetime(2026, 11, 1), "created_at")
    there = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert require_aware(there, "created_at").tzinfo is UTC
    assert require_aware(there, "created_at") == NOON


def test_a_window_must_end_after_it_starts_and_stays_as_it_is():
    with pytest.raises(ValueError, match="before it starts"):
        Window(start=NOON, end=NOON)
    window = Window(start=NOON, end=NOON + timedelta(days=1))
    with pytest.raises(FrozenInstanceError):
        window.start = NOON
