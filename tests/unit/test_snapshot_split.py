"""Which labelled rows teach and which judge: by how they were selected, and each text once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from sentiment_lib.evaluation.holdout_split import split
from sentiment_lib.evaluation.judgement_methods import choose_rows, source_slices
from sentiment_lib.policy import GatePolicy, SnapshotPolicy

START = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = SnapshotPolicy(holdout_share=0.2, minimum_holdout=30)


@pytest.fixture
def frame():
    """1,000 rows of a data set, a minute apart, of random texts."""
    random = np.random.default_rng(2)
    words = ["".join(random.choice(list("abcdefghijklmnopqrstuvwxyz"), 6)) for _ in range(3000)]
    rows = 1000
    return pd.DataFrame(
        {
            "tweet_id": np.arange(rows),
            "created_at": [START + timedelta(minutes=number) for number in range(rows)],
            "text": [" ".join(random.choice(words, 12)) for _ in range(rows)],
            "airline": None,
            "language": "en",
            "label": "negative",
            "label_source": "dataset",
            "judging_label": "negative",
            "judging_source": "dataset",
            "inclusion": np.nan,
        }
    )


def ids(frame, part):
    return set(frame.loc[frame["part"] == part, "tweet_id"])


def test_labels_of_tweets_that_people_chose_teach_and_never_judge(frame):
    chosen = frame["tweet_id"] % 4 == 0
    frame.loc[chosen, ["label_source", "judging_label", "judging_source"]] = ["person", None, None]
    parted, split_at = split(frame, POLICY)
    held = set(frame.loc[frame["created_at"] >= split_at, "tweet_id"])
    assert ids(parted, "holdout") == held - set(frame.loc[chosen, "tweet_id"])
    assert ids(parted, "train") == set(frame["tweet_id"]) - held
    assert set(parted.loc[parted["part"] == "train", "label_source"]) == {"dataset", "person"}


def test_a_persons_second_label_of_a_data_sets_row_neither_removes_it_nor_judges(frame):
    frame.loc[frame["tweet_id"] % 2 == 0, ["label", "label_source"]] = ["positive", "person"]
    parted, _ = split(frame, POLICY)
    holdout = parted[parted["part"] == "holdout"]
    assert len(holdout) == 200
    assert (set(holdout["label"]), set(holdout["label_source"])) == ({"negative"}, {"dataset"})
    assert set(parted.loc[parted["part"] == "train", "label"]) == {"negative", "positive"}


def test_copies_stay_on_one_side_and_count_once(frame):
    frame.loc[frame["tweet_id"].isin(range(900, 950)), "text"] = "RT @joe: " + frame["text"].iloc[10][:60]
    frame.loc[frame["tweet_id"].isin(range(950, 1000)), "text"] = "RT @joe: " + frame["text"].iloc[940 - 60]
    parted, _ = split(frame, POLICY)
    # row 10 trains, so its 50 cut retweets judge nothing; row 880 and its 50 retweets are one text
    assert ids(parted, "holdout") == set(range(800, 900))
    assert ids(parted, "train") == set(range(800))


def test_draws_with_different_chances_are_thinned_to_the_smallest(frame):
    drawn = frame["tweet_id"] >= 500
    frame.loc[drawn, ["label_source", "judging_source"]] = "audit"
    frame["inclusion"] = np.where(drawn, np.where(frame["tweet_id"] % 2 == 0, 0.02, 0.08), np.nan)
    parted, _ = split(frame, SnapshotPolicy(holdout_share=0.6, minimum_holdout=30))
    kept = pd.Series(sorted(ids(parted, "holdout")))
    assert set(range(400, 500)) <= set(kept)
    drawn_kept = kept[kept >= 500]
    assert (drawn_kept % 2 == 0).sum() == 250
    assert 40 <= (drawn_kept % 2 == 1).sum() <= 85
    again, _ = split(frame, SnapshotPolicy(holdout_share=0.6, minimum_holdout=30))
    pd.testing.assert_frame_equal(parted, again)


def test_draws_of_the_stream_judge_alone_when_they_suffice():
    policy = GatePolicy(minimum_audit_rows=30)
    few, many = ["audit"] * 29 + ["dataset"] * 71, ["audit"] * 30 + ["dataset"] * 70
    mask, sample = choose_rows(few, policy)
    assert (int(mask.sum()), sample.kind, sample.audit_rows, sample.dataset_rows) == (100, "mixed", 29, 71)
    assert "Only 29 are random draws" in sample.text
    assert {name: int(part.sum()) for name, part in source_slices(few).items()} == {
        "labels audit": 29,
        "labels dataset": 71,
    }
    mask, sample = choose_rows(many, policy)
    assert (int(mask.sum()), sample.kind) == (30, "audit")
    assert choose_rows(["dataset"] * 5, policy)[1].kind == "dataset"
    assert source_slices(["audit"] * 5) == {}
