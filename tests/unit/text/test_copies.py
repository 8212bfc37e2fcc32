"""Copies of a text: repeats, small edits and cut retweets are one cluster; what many people say on their own is not."""

from __future__ import annotations

import numpy as np

from sentiment_lib.text.copies import cluster_copies, first_of_each

ORIGINAL = "my flight from Boston to Denver was cancelled and nobody at the counter could help us for three hours"
OTHER = "completely different words about a very nice crew on the evening trip home with good coffee and a smile"


def test_repeats_edits_and_cut_retweets_are_one_cluster():
    copies = [
        ORIGINAL,
        OTHER,
        f"RT @joe: {ORIGINAL}",
        f"RT @joe: {ORIGINAL[:70]}…",
        ORIGINAL.replace("three", "3"),
        f"{ORIGINAL.upper()}!!! http://t.co/x",
        f"@united {ORIGINAL[:52]}",
    ]
    assert cluster_copies(copies).tolist() == [0, 1, 0, 0, 0, 0, 0]
    assert first_of_each(copies).tolist() == [True, True, False, False, False, False, False]


def test_short_phrases_and_shared_beginnings_are_no_copies():
    texts = [
        "@united thank you so much",
        "@delta thank you so much",
        "thank you",
        "thank you",
        "my flight from Boston to Denver was wonderful and the captain told jokes all the way over the plains",
        ORIGINAL,
        "",
        "",
    ]
    assert first_of_each(texts).tolist()[2:] == [True] * 6
    assert len(set(cluster_copies(texts).tolist()[2:])) == 6


def test_every_random_text_is_its_own_cluster_and_every_copy_is_found():
    random = np.random.default_rng(4)
    vocabulary = ["".join(random.choice(list("abcdefghijklmnopqrstuvwxyz"), 6)) for _ in range(2000)]
    texts = [" ".join(random.choice(vocabulary, 14)) for _ in range(800)]
    assert first_of_each(texts).all()
    cut = [f"RT @a: {text[: int(random.integers(45, 90))]}" for text in texts[:200]]
    assert cluster_copies(texts + cut)[800:].tolist() == list(range(200))
    assert first_of_each([]).shape == (0,)
