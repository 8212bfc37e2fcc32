"""What the frozen MiniLM reads of a tweet."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lib.families import catalog
from sentiment_lib.families.sentence_encoder import PREPARATION
from tests.unit.families.made_up import made_up

ANGRY, HAPPY = "the crew \U0001f621", "the crew \U0001f60a"


@pytest.fixture(scope="module")
def trained():
    texts, labels = made_up(120)
    return catalog.train("sentence_encoder_logreg", texts, labels, seed=0)


def test_faces_that_differ_are_read_differently(trained):
    angry, happy = trained.predict_proba([ANGRY, HAPPY])
    assert np.abs(angry - happy).max() > 0.01


def test_a_package_of_before_emoji_were_named_answers_as_it_did(trained, tmp_path):
    trained.save(tmp_path)
    np.testing.assert_array_equal(
        catalog.load(tmp_path, "sentence_encoder_logreg").predict_proba([ANGRY, HAPPY]),
        trained.predict_proba([ANGRY, HAPPY]),
    )
    (tmp_path / PREPARATION).unlink()
    angry, happy = catalog.load(tmp_path, "sentence_encoder_logreg").predict_proba([ANGRY, HAPPY])
    np.testing.assert_array_equal(angry, happy)
