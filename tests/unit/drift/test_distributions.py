"""Distributions of both windows: shares that add up, whatever is missing."""

from __future__ import annotations

import pandas as pd
import pytest

from sentiment_lib.drift.distributions import AIRLINES, LENGTH_BINS, OTHERS, compare_distributions


def window(rows):
    return pd.DataFrame(rows, columns=["text", "airline", "predicted_label", "p_negative", "p_neutral", "p_positive"])


BEFORE = window([("a" * 10, "Delta", "negative", 0.9, 0.05, 0.05), ("b" * 300, None, "neutral", 0.3, 0.4, 0.3)] * 2)
NOW = window([("a" * 20, f"airline {n}", "negative", 0.5, 0.3, 0.2) for n in range(10)])


def test_each_distribution_adds_up_in_both_windows():
    found = compare_distributions(BEFORE, NOW)
    assert set(found) == {"labels", "airlines", "confidence", "length"}
    for rows in found.values():
        for side in ("before", "now"):
            assert sum(row[side] for row in rows) == pytest.approx(1, abs=0.001)
    by_label = {row["value"]: (row["before"], row["now"]) for row in found["labels"]}
    assert by_label == {"negative": (0.5, 1.0), "neutral": (0.5, 0.0), "positive": (0.0, 0.0)}
    lengths = {row["value"]: row["before"] for row in found["length"]}
    assert lengths["20"] == lengths[str(LENGTH_BINS[-1])] == 0.5
    confidence = {row["value"]: (row["before"], row["now"]) for row in found["confidence"]}
    assert confidence["0.9"] == (0.5, 0.0)
    assert confidence["0.5"] == (0.0, 1.0)
    assert len(found["airlines"]) == AIRLINES + 1
    assert found["airlines"][-1]["value"] == OTHERS


def test_what_a_window_lacks_is_left_out():
    assert set(compare_distributions(BEFORE[["text"]], NOW)) == {"length"}
    unscored = BEFORE.assign(predicted_label=None, p_negative=None, p_neutral=None, p_positive=None)
    assert set(compare_distributions(unscored, NOW)) == {"airlines", "length"}
