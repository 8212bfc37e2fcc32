"""Options: unknown ones are named with the known, invalid ones refused, and features that they change are stored."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.families import catalog
from sentiment_lib.records import LABELS
from sentiment_lib.registry import model_package
from tests.unit.families.made_up import made_up


def rows(count):
    texts, labels = made_up(count)
    return texts, [LABELS.index(label) for label in labels]


NUMERIC = ["vader", "count_logreg", "tfidf_logreg", "fasttext", "word2vec_logreg", "glove_logreg", "use_logreg"]


@pytest.mark.parametrize("name", NUMERIC)
def test_an_unknown_option_is_named_with_those_that_are_known(name):
    texts, labels = rows(200)
    with pytest.raises(BadInput, match=f"option strenght of {name} is not valid: known are"):
        catalog.train(name, texts, labels, seed=0, strenght=1)


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("tfidf_logreg", "c", -1),
        ("tfidf_logreg", "min_df", 1.5),
        ("tfidf_logreg", "words", 3),
        ("tfidf_logreg", "model", "svm"),
        ("count_logreg", "characters", 4),
        ("fasttext", "epochs", "many"),
        ("fasttext", "rate", float("nan")),
        ("word2vec_logreg", "dimensions", True),
        ("glove_logreg", "c", 0),
    ],
)
def test_an_option_out_of_its_bounds_is_refused(name, option, value):
    texts, labels = rows(200)
    with pytest.raises(BadInput, match=f"option {option} of {name}"):
        catalog.train(name, texts, labels, seed=0, **{option: value})


@pytest.mark.parametrize("name", ["count_logreg", "tfidf_logreg"])
def test_a_bag_of_words_with_other_features_is_read_again_as_it_was(name, tmp_path):
    texts, labels = rows(300)
    longest = {"characters": 4} if name == "tfidf_logreg" else {}
    model = catalog.train(name, texts, labels, seed=0, words=1, min_df=3, c=0.4, **longest)
    digest = model_package.write(model, tmp_path / "package")
    again = model_package.read(tmp_path / "package", digest)
    np.testing.assert_array_equal(model.predict_proba(texts), again.predict_proba(texts))
    assert model.notes["c"] == 0.4
    model_package.write(again, tmp_path / "again")
    assert (tmp_path / "again" / "manifest.json").read_bytes() == (tmp_path / "package" / "manifest.json").read_bytes()
