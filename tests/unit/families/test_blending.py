"""The weights of a stack's members: logarithmic opinion pool and stacking without folds."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.families import catalog
from sentiment_lib.families.ensemble.blending import MIN_ROWS, fit_log_pool, fit_weights
from tests.unit.families.made_up import WORDS, made_up

CHEAP = ["tfidf_logreg", "count_logreg"]


def said(labels, right, draw):
    """Log probabilities of a model that gives the true label more than its share, by so much."""
    scores = draw.normal(size=(len(labels), 3)) + right * np.eye(3)[labels]
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


@pytest.fixture
def labels():
    return np.random.default_rng(0).integers(0, 3, 2000)


def test_one_model_gets_the_power_that_calibrates_it(labels):
    logs = said(labels, 1.0, np.random.default_rng(1))
    (found,) = fit_weights([logs / 2], labels, np.ones(len(labels)))
    (plain,) = fit_weights([logs], labels, np.ones(len(labels)))
    assert found == pytest.approx(2 * plain, rel=1e-3)


def test_who_knows_more_weighs_more_and_who_knows_nothing_weighs_nothing(labels):
    draw = np.random.default_rng(2)
    good, fair, blind = (said(labels, right, draw) for right in (2.0, 1.0, 0.0))
    found = fit_weights([good, fair, blind], labels, np.ones(len(labels)))
    assert found[0] > found[1] > 0.2
    assert found[2] < 0.05


def test_nobody_is_taken_for_the_contrary_of_what_they_say(labels):
    wrong = said((labels + 1) % 3, 2.0, np.random.default_rng(3))
    assert fit_weights([said(labels, 1.0, np.random.default_rng(4)), wrong], labels, np.ones(2000))[1] == 0


def test_a_pool_is_better_than_its_members_and_calibrated(labels):
    draw = np.random.default_rng(5)
    logs = [said(labels, 1.0, draw), said(labels, 1.0, draw)]
    powers, temperature, notes = fit_log_pool(logs, labels, np.ones(len(labels)))
    scores = np.tensordot(powers, np.stack(logs), axes=1)
    assert (scores.argmax(axis=1) == labels).mean() > max((one.argmax(axis=1) == labels).mean() for one in logs) + 0.03
    assert temperature == pytest.approx(1.0, abs=0.1), "even shares: the powers calibrate already"
    assert notes["ece_after"] < 0.03


def test_few_rows_weigh_nobody(labels):
    few = labels[: MIN_ROWS - 1]
    powers, temperature, notes = fit_log_pool([said(few, 2.0, np.random.default_rng(6))] * 2, few, np.ones(len(few)))
    assert (powers.tolist(), temperature, notes) == ([0.5, 0.5], 1.0, {})


def test_a_stack_without_folds_trains_a_network_once_and_the_others_twice(options):
    texts, labels = made_up(400)
    told = []
    network = {"bert": {**options("bert"), "epochs": 2, "max_steps": 20}}
    model = catalog.train(
        *("stack", texts, labels),
        seed=0,
        folds=0,
        members=["bert", *CHEAP],
        member_options=network,
        progress=lambda _, doing: told.append(doing) or True,
    )
    assert [doing for doing in told if doing.startswith("bert: step")] == [f"bert: step {n} of 20" for n in range(20)]
    assert [told.count(f"{name}: trained") for name in CHEAP] == [2, 2]
    assert list(model.notes["weights"]) == ["bert", *CHEAP]
    assert model.notes["calibration_rows"] == 40
    later, truth = made_up(60, seed=8)
    guessed = model.predict_proba(later).argmax(axis=1)
    assert np.mean([list(WORDS)[place] == label for place, label in zip(guessed, truth, strict=True)]) > 0.9


def test_a_network_that_holds_out_other_rows_than_those_that_weigh_is_refused(options):
    texts, labels = made_up(120)
    network = {"bert": {**options("bert"), "later": 0.3}}
    with pytest.raises(BadInput, match=r"option later of bert in a stack.* without folds it is 0.1"):
        catalog.train("stack", texts, labels, seed=0, folds=0, members=["bert", *CHEAP], member_options=network)
