"""Word attributions: exact for linear models, by occlusion for the others."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lib.families import catalog
from sentiment_lib.families.attribution import attribute

TEXTS = [
    "@united worst flight ever, lost my bag and nobody cares",
    "thank you @delta great crew and a lovely smooth flight",
    "does flight 12 leave from gate 4 today?",
    "never again, three hours late and so rude",
    "love love love the new seats!",
    "when will boarding begin",
]
LABELS = ["negative", "positive", "neutral"] * 2


@pytest.fixture(scope="module", params=["tfidf_logreg", "count_logreg"])
def linear(request):
    order = [0, 1, 2, 3, 4, 5] * 10
    labels = ["negative", "positive", "neutral", "negative", "positive", "neutral"] * 10
    return catalog.train(request.param, [TEXTS[place] for place in order], labels, seed=1)


@pytest.mark.parametrize(
    "text", ["worst worst flight, late and rude :(", "thank you for the lovely crew &amp; seats", "ok"]
)
def test_the_parts_of_a_linear_model_and_its_intercepts_are_the_whole_answer(linear, text):
    proba = linear.predict_proba([text, "qzx"])
    best = int(proba[0].argmax())
    centred = np.log(proba) - np.log(proba).mean(axis=1, keepdims=True)
    nothing = np.log(linear.predict_proba([""])[0])
    base = nothing[best] - nothing.mean()
    parts = attribute(linear, text, proba[0])
    assert sum(part.weight for part in parts) == pytest.approx(centred[0, best] - base, abs=1e-4)


def test_the_telling_word_has_the_largest_weight_and_its_place_in_the_text(linear):
    text = "the gate is fine but rude crew was the worst"
    parts = attribute(linear, text, np.array([1.0, 0, 0]))
    assert [text[part.start : part.end] for part in parts] == text.split()
    told = {text[part.start : part.end]: part.weight for part in parts}
    assert told["worst"] > max(told["gate"], told["fine"])


def test_a_model_that_is_no_sum_is_explained_by_leaving_words_out():
    vader = catalog.train("vader", [], [], seed=0)
    text = "a horrible delay at the gate"
    proba = vader.predict_proba([text])[0]
    told = {text[part.start : part.end]: part.weight for part in attribute(vader, text, proba)}
    assert max(told, key=lambda word: told[word]) == "horrible"
    assert told["gate"] == pytest.approx(0, abs=1e-6)


def test_a_text_without_words_has_no_parts_and_a_long_one_is_bounded():
    vader = catalog.train("vader", [], [], seed=0)
    assert attribute(vader, "   ", np.array([0.2, 0.5, 0.3])) == ()
    assert len(attribute(vader, "late " * 500, np.array([0.6, 0.2, 0.2]))) == 60
