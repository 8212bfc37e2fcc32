"""Small checkpoints, and each family's options for made-up tweets."""

from __future__ import annotations

import pytest

from tests.unit.families.small_checkpoints import bert, mpnet, roberta

QUICK = {"epochs": 10, "rate": 2e-3, "batch": 16}


@pytest.fixture(scope="session")
def small_bert(tmp_path_factory):
    """A BERT of two layers with whole words as tokens."""
    return bert(tmp_path_factory.mktemp("small-bert"))


@pytest.fixture(scope="session")
def small_roberta(tmp_path_factory):
    """A RoBERTa of two layers with its own BPE."""
    return roberta(tmp_path_factory.mktemp("small-roberta"))


@pytest.fixture(scope="session")
def small_mpnet(tmp_path_factory):
    """An MPNet of two layers with whole words as tokens."""
    return mpnet(tmp_path_factory.mktemp("small-mpnet"))


@pytest.fixture(scope="session")
def options(small_bert, small_mpnet, small_roberta):
    """Options by family's name."""
    known = {
        "bert": {"checkpoint": str(small_bert), **QUICK},
        "mpnet": {"checkpoint": str(small_mpnet), **QUICK},
        "tweet_roberta": {"checkpoint": str(small_roberta), "fine_tune": True, **QUICK},
        "sentence_encoder_logreg": {"checkpoint": str(small_bert)},
        "stack": {"members": ["tfidf_logreg", "fasttext"]},
    }
    return lambda name: known.get(name, {})
