"""Rows that no family can learn from are refused with a remedy, never with a library's own error."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest

from sentiment_lib.errors import BadInput, TrainingRefused
from sentiment_lib.families import catalog
from sentiment_lib.records import LABELS

ROWS = 60
THIN = {
    "nothing in them": [""] * ROWS,
    "all the same": ["@united"] * ROWS,
    "no word twice": [f"word{row}" for row in range(ROWS)],
    "one sign": ["\U0001f600"] * ROWS,
}
REFUSED = {
    *((name, "nothing in them") for name in ("count_logreg", "tfidf_logreg", "word2vec_logreg")),
    *((name, "no word twice") for name in ("count_logreg", "word2vec_logreg")),
}
CHEAP = ("vader", "textblob", "count_logreg", "tfidf_logreg", "fasttext", "word2vec_logreg", "glove_logreg")


def of_every_label(rows):
    return [LABELS[row % len(LABELS)] for row in range(rows)]


@pytest.mark.parametrize("kind", THIN)
@pytest.mark.parametrize("name", CHEAP)
def test_thin_texts_are_learned_from_or_refused_in_our_words(name, kind):
    refused = pytest.raises(TrainingRefused, match=r"in (1|2) .*\d+ tweets|in its \d+ tweets")
    with refused if (name, kind) in REFUSED else nullcontext():
        model = catalog.train(name, THIN[kind], of_every_label(ROWS), seed=0)
        np.testing.assert_allclose(model.predict_proba(["the flight", ""]).sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("name", ["count_logreg", "tfidf_logreg"])
def test_words_that_must_occur_in_more_tweets_than_there_are_leave_nothing_to_learn_from(name):
    with pytest.raises(TrainingRefused, match=r"occurs in 1000 of its \d+ tweets: .*or a smaller min_df"):
        catalog.train(name, ["the flight"] * ROWS, of_every_label(ROWS), seed=0, min_df=1000)


def test_word2vec_without_a_word_that_occurs_twice_is_refused_unless_other_tweets_have_some():
    texts, labels = THIN["no word twice"], of_every_label(ROWS)
    with pytest.raises(TrainingRefused, match=r"no word occurs 2 times in its 60 tweets: give more"):
        catalog.train("word2vec_logreg", texts, labels, seed=0)
    catalog.train("word2vec_logreg", texts, labels, seed=0, unlabelled=["word1 word2"] * 5)


@pytest.mark.parametrize("label", [5, -1, "Negative", "", "1", 1.5, None, True])
def test_a_label_that_is_none_is_named(label):
    with pytest.raises(BadInput, match=rf"label {label!r} is not valid: .*negative, neutral, positive .*0 to 2"):
        catalog.train("count_logreg", ["the flight"], [label], seed=0)


def test_labels_may_be_given_by_name_and_by_place():
    texts = [f"the {word}" for word in ("delayed", "gate", "thanks")] * ROWS
    given = (list(LABELS) * ROWS, [str(label) for label in LABELS] * ROWS, [0, 1, 2] * ROWS, np.array([0, 1, 2] * ROWS))
    first, *others = (catalog.train("count_logreg", texts, labels, seed=0).predict_proba(texts[:3]) for labels in given)
    for other in others:
        np.testing.assert_array_equal(first, other)
