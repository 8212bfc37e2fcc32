import pandas as pd
import pytest

from sentiment_lib.drift import data_quality


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({}, set()),
        ({"text": ["", "b"]}, {"share without text"}),
        ({"created_at": ["2030-01-01T00:00Z", "2026-01-01T00:00Z"]}, {"share from the future"}),
        ({"tweet_id": [1, 1]}, {"share that repeats an id"}),
    ],
)
def test_plain_checks_name_what_is_wrong(change, failed):
    frame = pd.DataFrame({"tweet_id": [1, 2], "text": ["a", "b"], "created_at": ["2026-01-01T00:00Z"] * 2} | change)
    found = data_quality.check_batch(frame, now=pd.Timestamp("2026-06-01", tz="UTC"))
    assert {one.name for one in found if not one.passed} == failed


def test_a_missing_column_is_told_before_anything_else():
    (only,) = data_quality.check_batch(pd.DataFrame({"text": ["a"]}), now=pd.Timestamp("2026-06-01", tz="UTC"))
    assert (only.name, only.figure, only.passed) == ("missing columns", 2, False)
