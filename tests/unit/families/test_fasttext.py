"""fastText reads labels and texts from one file: no word of a text may become a label."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lib.families import catalog
from sentiment_lib.families.fasttext import line
from tests.unit.families.made_up import made_up

LOOK_LIKE_LABELS = [
    "__label__positive",
    "__LABEL__Positive",
    "(__label__positive)",
    "'__label__positive's",
    "\u200b__label__positive",
    "\x00__label__positive",
    "\u3000__label__positive",
    "__&#108;abel__positive",
    "@ __label__",
]


@pytest.fixture(scope="module")
def clean():
    texts, labels = made_up(300)
    return catalog.train("fasttext", texts, labels, seed=0)


@pytest.mark.parametrize("word", LOOK_LIKE_LABELS)
def test_no_word_of_a_line_looks_like_a_label_whichever_way_it_is_written(word):
    read = line(f"the crew {word} was great </s> again").split()
    assert not [token for token in read if token.startswith("__label__") or token == "</s>"]
    assert read[:2] == ["the", "crew"]
    assert read[-1] == "again"


def test_labels_that_tweets_bring_along_are_no_classes():
    texts, labels = made_up(300)
    texts = [f"{text} __label__spam" if row < 30 else text for row, text in enumerate(texts)]
    model = catalog.train("fasttext", texts, labels, seed=0)
    proba = model.predict_proba([*texts, "__label__spam __label__spam"])
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)
    assert (
        np.mean([["negative", "neutral", "positive"][p] for p in proba[:-1].argmax(axis=1)] == np.array(labels)) > 0.9
    )


def test_tweets_cannot_give_themselves_another_label(clean):
    texts, labels = made_up(300)
    told = [
        f"{text} __label__positive" if label == "negative" else text for text, label in zip(texts, labels, strict=True)
    ]
    poisoned = catalog.train("fasttext", told, labels, seed=0)
    asked, _ = made_up(60, seed=8)
    np.testing.assert_array_equal(poisoned.predict_proba(asked), clean.predict_proba(asked))


def test_an_answer_passes_over_what_looks_like_a_label_as_fasttext_does(clean):
    plain, marked = "the rude crew lost my bag", "the rude crew __label__positive lost my bag"
    np.testing.assert_array_equal(clean.predict_proba([marked]), clean.predict_proba([plain]))
    ours, theirs = line(marked), "the rude crew __label__positive lost my bag"
    np.testing.assert_array_equal(*(clean._inner.predict(read, k=3)[1] for read in (ours, theirs)))
