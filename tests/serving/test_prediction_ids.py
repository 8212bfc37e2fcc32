"""Ids of API texts never meet those of X, and a prediction's public id is parsed as it was formatted."""

from __future__ import annotations

import pytest

from sentiment_lib.records import API_IDS_FROM
from sentiment_lib.serving.prediction.prediction_ids import TweetIds, format_prediction_id, parse_prediction_id


def test_ids_do_not_repeat_and_lie_above_those_of_x():
    ids = TweetIds()
    made = [ids.next() for _ in range(5000)]
    assert len(set(made)) == len(made)
    assert all(API_IDS_FROM < one < 2**63 for one in made)


@pytest.mark.parametrize("key", ["", "1", "a-1", "1-", "-1", "1-b", "9" * 20 + "-1", "٣-1", f"{2**63}-1"])
def test_what_is_no_prediction_id_is_none(key):
    assert parse_prediction_id(key) is None


def test_a_prediction_id_is_read_as_it_was_made():
    assert parse_prediction_id(format_prediction_id(API_IDS_FROM + 5, 3)) == (API_IDS_FROM + 5, 3)
