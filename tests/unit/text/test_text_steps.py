"""The steps that the ablation leaves out and puts in are those of the normaliser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.text_steps import CANDIDATES, STEPS, in_use, variant
from sentiment_lib.families import fasttext
from sentiment_lib.families.bag_of_words import family
from sentiment_lib.text.normalise import normalise

TOUCHED = {
    "HTML entities": "bags &amp; boxes",
    "Unicode NFC": "cafe\u0301",
    "invisible characters": "is\u00adn\u200b't",
    "apostrophes": "it\u2019s l`avion",
    "control characters": "a\x01b",
    "elongation": "soooooo late",
    "masks": "@jane see http://t.co/x",
    "hashtags split": "#WorstAirlineEver",
    "emoji as words": "late \U0001f621",
    "capitals marked": "THIS is late",
    "negation marked": "not a good flight at all",
}


@given(st.text())
def test_all_steps_together_are_the_normaliser(text):
    assert variant()(text) == normalise(text)


@pytest.mark.parametrize("step", [*STEPS, *CANDIDATES])
def test_each_step_changes_its_own_texts_and_no_others(step):
    other = variant(without=step) if step in STEPS else variant(more=step)
    assert {name for name, text in TOUCHED.items() if other(text) != normalise(text)} == {step}


def test_what_the_candidates_write():
    written = {step: variant(more=step)(TOUCHED[step]) for step in CANDIDATES}
    assert written == {
        "hashtags split": "#WorstAirlineEver Worst Airline Ever",
        "emoji as words": "late \U0001f621 pouting face",
        "capitals marked": "THIS allcaps is late",
        "negation marked": "not not_a not_good not_flight at all",
    }


def test_families_use_a_variant_inside_the_block_only():
    with in_use(lambda text: "other"):
        assert family.normalise_all(["a", "b"]) == ["other", "other"]
        assert fasttext.normalise("a") == "other"
    assert family.normalise_all(["a  b"]) == ["a b"]
    assert fasttext.normalise is normalise
