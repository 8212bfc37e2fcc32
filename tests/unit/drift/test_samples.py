"""Copies of a text count once in each window, and the row that stands for them is the one that tells most."""

from __future__ import annotations

import pandas as pd

from sentiment_lib.drift.samples import distinct_texts

COPIED = "the flight to Boston was cancelled again and nobody told us why"


def test_copies_count_once_in_each_window():
    texts = [COPIED, f"RT @user: {COPIED[:50]}", "we had a wonderful crew on board today", COPIED]
    frame = pd.DataFrame({"text": texts, "window": [0, 0, 0, 1]})
    assert distinct_texts(frame)["text"].tolist() == [texts[0], texts[2], texts[3]]
    assert len(distinct_texts(frame.drop(columns="window"))) == 2


def test_a_labelled_or_scored_copy_stands_for_the_others():
    rows = pd.DataFrame({"text": [COPIED] * 3, "p_negative": [None, 0.1, 0.2], "true_label": [None, None, "negative"]})
    assert distinct_texts(rows)["p_negative"].tolist() == [0.2]
    assert distinct_texts(rows[:2])["p_negative"].tolist() == [0.1]
