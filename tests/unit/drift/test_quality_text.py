"""What a drift means for quality: safe to ignore is what labels show, and nothing else."""

from __future__ import annotations

import pytest

from sentiment_lib.drift.quality_text import UNKNOWN, conclude


@pytest.mark.parametrize(
    ("loss", "low", "high", "by", "critical", "told"),
    [
        (None, None, None, None, False, UNKNOWN),
        (0.05, 0.03, 0.07, "measured", True, "Quality is at risk: −5.0 points of macro-F1 (95 % interval −7.0 "),
        (0.005, -0.01, 0.02, "measured", False, "Labels rule out a loss of 3.0 points or more: safe to ignore."),
        (0.005, -0.03, 0.04, "measured", False, "But a loss of 3.0 points or more is not ruled out."),
        (0.005, -0.01, 0.02, "estimated", False, "Only labels would show that tweets mean something else."),
        (0.05, 0.03, 0.07, "estimated", False, "A loss of quality shows: −5.0 points of macro-F1"),
        (0.02, 0.005, 0.035, "measured", False, "it is not shown to be a loss of 3.0 points or more."),
        (0.01, None, None, "estimated", False, "No loss of quality is shown: −1.0 points of macro-F1, estimated "),
    ],
)
def test_the_same_figure_and_what_it_means(loss, low, high, by, critical, told):
    text = conclude(loss, low, high, by, limit=0.03, critical=critical)
    assert told in text
    assert ("safe to ignore" in text) == (by == "measured" and high == 0.02)
