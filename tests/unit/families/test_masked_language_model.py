"""Continued pre-training on unlabelled tweets."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from sentiment_lib.errors import TrainingCancelled
from sentiment_lib.families import catalog
from tests.unit.families.made_up import made_up

QUICK = {"epochs": 2, "rate": 2e-3, "batch": 16, "checkpoint_every": 5}


def trained(small_bert, passes, unlabelled=(), **options):
    texts, labels = made_up(120)
    options = {"checkpoint": str(small_bert), **QUICK, "pretrain_epochs": passes, **options}
    return catalog.train("bert", texts, labels, seed=4, unlabelled=unlabelled, **options)


def test_words_are_guessed_better_from_pass_to_pass_and_the_labels_are_learned_after(small_bert):
    more, _ = made_up(200, seed=5)
    once, often = (trained(small_bert, passes, more).notes for passes in (1, 8))
    assert once["pretrained_on"] == often["pretrained_on"] == 200 + 108, "tweets without labels, and rows learned from"
    assert often["pretrain_loss"] < once["pretrain_loss"] - 0.05
    assert often["steps"] == once["steps"] > 0
    assert "pretrained_on" not in trained(small_bert, 0, more).notes


@pytest.mark.parametrize("until", [0.2, 0.7])
def test_a_training_that_broke_off_in_either_part_ends_as_the_undisturbed_one(small_bert, tmp_path, until):
    more, _ = made_up(60, seed=5)
    whole = trained(small_bert, 2, more)
    texts, labels = made_up(120)
    with pytest.raises(TrainingCancelled):
        catalog.train(
            "bert",
            texts,
            labels,
            seed=4,
            unlabelled=more,
            progress=lambda share, doing: share < until,
            **{"checkpoint": str(small_bert), **QUICK, "pretrain_epochs": 2, "checkpoints": str(tmp_path)},
        )
    assert list(tmp_path.rglob("*.safetensors"))
    again = trained(small_bert, 2, more, checkpoints=str(tmp_path))
    asked, _ = made_up(40, seed=8)
    assert (again.predict_proba(asked) == whole.predict_proba(asked)).all()


def test_which_trainings_read_tweets_without_labels():
    assert catalog.family("bert").reads_unlabelled({"pretrain_epochs": 1})
    assert not catalog.family("bert").reads_unlabelled({})
    assert catalog.family("word2vec_logreg").reads_unlabelled({})
    members = {"members": ["bert", "tfidf_logreg"]}
    assert not catalog.family("stack").reads_unlabelled(members)
    assert catalog.family("stack").reads_unlabelled({**members, "member_options": {"bert": {"pretrain_epochs": 1}}})
    assert catalog.family("stack").reads_unlabelled({"members": ["word2vec_logreg", "tfidf_logreg"]})
