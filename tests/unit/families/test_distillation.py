"""Knowledge distillation: a teacher's probabilities are learned beside the labels."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from sentiment_lib.errors import BadInput, TrainingCancelled
from sentiment_lib.families import catalog
from tests.unit.families.made_up import made_up


class Stubborn:
    """A teacher that says positive, whatever the tweet."""

    family = "stubborn"

    def __init__(self, answer=(0.0, 0.0, 1.0)):
        self.answer, self.asked = answer, []

    def predict_proba(self, texts):
        self.asked.append(len(texts))
        return np.tile(self.answer, (len(texts), 1))


@pytest.fixture
def quick(options):
    return {**options("bert"), "epochs": 3, "precision": "fp32", "balance": 0.0}


def positive(model):
    return float(model.predict_proba(made_up(60, seed=8)[0])[:, 2].mean())


def test_the_more_it_is_listened_to_the_more_its_pupil_answers_as_it_does(quick):
    texts, labels = made_up(400)
    teacher = Stubborn()
    alone, half = (
        catalog.train("bert", texts, labels, seed=3, teacher=teacher, distillation=share, **quick)
        for share in (0.0, 0.45)
    )
    assert teacher.asked == [360], "the later rows decide when to stop, by their labels alone"
    assert positive(half) > positive(alone) + 0.05


def test_without_a_teacher_nothing_can_be_taught(quick):
    texts, labels = made_up(60)
    with pytest.raises(BadInput, match=r"option distillation of bert.* no teacher"):
        catalog.train("bert", texts, labels, seed=3, distillation=0.5, **quick)


def test_what_another_teacher_said_is_not_gone_on_with(quick, tmp_path):
    texts, labels = made_up(200)
    order = {"seed": 3, "distillation": 0.5, "checkpoint_every": 5, "checkpoints": str(tmp_path), **quick}
    with pytest.raises(TrainingCancelled):
        catalog.train(
            *("bert", texts, labels),
            **{**order, "teacher": Stubborn(), "progress": lambda _, doing: not doing.startswith("step 12 ")},
        )
    other = catalog.train("bert", texts, labels, teacher=Stubborn((0.5, 0.5, 0.0)), **order)
    assert other.circumstances["resumed"] == 0
    again = catalog.train("bert", texts, labels, teacher=Stubborn((0.5, 0.5, 0.0)), **order)
    assert again.circumstances["resumed"] == 1, "and the same teacher's is"


def test_who_learns_from_a_teacher_is_known_by_the_options():
    assert catalog.family("bert").distils({"distillation": 0.5})
    assert not catalog.family("bert").distils({})
    assert not catalog.family("tfidf_logreg").distils({"distillation": 0.5})
    assert catalog.family("stack").distils(
        {"members": ["bert", "fasttext"], "member_options": {"bert": {"distillation": 1}}}
    )
