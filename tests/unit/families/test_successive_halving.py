"""Successive halving: trials of each rung, the winner, failed trials and cancellation."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pytest

from sentiment_lib.families import catalog
from sentiment_lib.families.base import Family, Training
from sentiment_lib.families.embeddings.logistic_head import SEARCHED_C
from sentiment_lib.families.transformers.hyperparameters import Hyperparameters
from sentiment_lib.families.tuning import successive_halving
from sentiment_lib.records import LABELS
from tests.unit.families.made_up import made_up


def rows(count=1600, seed=0):
    texts, labels = made_up(count, seed)
    return texts, [LABELS.index(label) for label in labels]


class Guesser(Family):
    """A family whose quality is an option: how sure it is of the right label, which it reads off the text."""

    name = "count_logreg"
    licence = "none"

    def __init__(self, trained):
        self.trained = trained

    def train(self, training: Training):
        sure = training.options.get("c", 0.5)
        self.trained.append((training.options, len(training.texts), training.texts[-1]))
        training.report(self.name, 0.5, "guessing")
        if training.options.get("words") == 1:
            raise ValueError("one word is not enough")
        training.report(self.name, 1.0, "trained")

        def predict_proba(texts):
            # the last word says which label it is; each tenth row is another, so that losses differ
            right = np.array([TRUTH[text] for text in texts])
            flipped = np.where(np.arange(len(right)) % 10 == 0, (right + 1) % 3, right)
            proba = np.full((len(right), 3), (1 - sure) / 2)
            proba[np.arange(len(right)), flipped] = sure
            return proba

        return SimpleNamespace(predict_proba=predict_proba)


TRUTH: dict[str, int] = {}


@pytest.fixture
def trained(monkeypatch):
    seen: list = []
    monkeypatch.setitem(catalog.CATALOG, "count_logreg", Guesser(seen))
    set_space(monkeypatch, {"c": (0.4, 0.6, 0.7, 0.8), "min_df": (1, 2, 3)})
    return seen


def set_space(monkeypatch, space):
    """Another search space for count_logreg."""
    monkeypatch.setattr(catalog.family("count_logreg"), "search_space", lambda options: space)


@pytest.fixture
def known():
    texts = [f"tweet {number}" for number in range(1600)]
    labels = np.random.default_rng(0).integers(0, 3, 1600).tolist()
    TRUTH.clear()
    TRUTH.update(zip(texts, labels, strict=True))
    return texts, labels


def test_a_third_goes_on_to_three_times_the_rows_and_the_default_always_does(trained, known):
    found = successive_halving.search("count_logreg", *known, seed=3, count=9)
    assert found.rungs == (133, 400, 1200)
    by_rung = [[trial for trial in found.trials if trial.rung == rung] for rung in range(3)]
    assert [len(trials) for trials in by_rung] == [9, 4, 3]
    assert [len(trials) for trials in by_rung] == successive_halving.max_trials(9, found.rungs)
    assert all(trials[0].configuration == 0 and trials[0].options == {} for trials in by_rung)
    assert {trial.rows for trial in by_rung[1]} == {400}
    best = max(trial.options.get("c", 0.5) for trial in by_rung[0])
    assert found.options["c"] == best
    assert found.gain > found.gain_needed > 0
    assert (found.complete, found.configurations, found.stopped) == (3, 9, None)


def test_each_fold_is_judged_by_what_learned_from_older_rows_alone(trained, known):
    successive_halving.search("count_logreg", *known, seed=3, count=2)
    last = {(size, text) for _, size, text in trained}
    assert last == {(1200, "tweet 1199"), (1200, "tweet 1399")}


def test_configurations_are_drawn_once_each_and_the_first_is_the_default():
    drawn = successive_halving.configurations("fasttext", 5, 40, {})
    assert drawn[0] == {}
    assert len({tuple(options.items()) for options in drawn}) == 40
    assert drawn == successive_halving.configurations("fasttext", 5, 40, {})
    assert drawn != successive_halving.configurations("fasttext", 6, 40, {})


def test_what_is_given_is_not_searched():
    assert all("rate" not in options for options in successive_halving.configurations("fasttext", 0, 9, {"rate": 0.5}))
    assert successive_halving.configurations("glove_logreg", 0, 9, {"c": 0.5}) == [{}]
    assert successive_halving.configurations("tweet_roberta", 0, 9, {}) == [{}]
    assert len(successive_halving.configurations("tweet_roberta", 0, 9, {"fine_tune": True})) == 9


def test_a_small_space_is_tried_whole():
    drawn = successive_halving.configurations("glove_logreg", 0, 100, {})
    assert [options.get("c") for options in drawn[1:]] != []
    assert sorted(options["c"] for options in drawn[1:]) == list(SEARCHED_C)


def test_no_better_than_noise_leaves_the_default(trained, known, monkeypatch):
    set_space(monkeypatch, {"c": (0.5,), "min_df": (1, 2, 3)})
    found = successive_halving.search("count_logreg", *known, seed=0, count=4)
    assert found.winner == 0
    assert found.options == {}
    assert found.gain == 0


def test_ahead_by_luck_alone_is_not_enough_and_the_bar_rises_with_the_number_tried(trained, known, monkeypatch):
    set_space(monkeypatch, {"c": (0.505,), "min_df": (1, 2, 3, 4, 5, 6)})
    few, many = (successive_halving.search("count_logreg", *known, seed=0, count=count) for count in (2, 7))
    assert few.gain == many.gain > 0
    assert many.gain_needed > few.gain_needed > 0


def test_less_log_loss_with_a_lower_macro_f1_does_not_win(known, monkeypatch):
    class Sly(Guesser):
        """The default is sure of all it says, and wrong in a tenth; the other never commits itself."""

        def train(self, training):
            inner = super().train(training).predict_proba
            hedges = "c" in training.options

            def predict_proba(texts):
                proba = inner(texts)
                return np.full_like(proba, 1 / 3) if hedges else (proba > 0.4).astype(float)

            return SimpleNamespace(predict_proba=predict_proba)

    monkeypatch.setitem(catalog.CATALOG, "count_logreg", Sly([]))
    set_space(monkeypatch, {"c": (0.4,)})
    found = successive_halving.search("count_logreg", *known, seed=0, count=2)
    usual, other = found.trials[-2:]
    assert other.score < usual.score
    assert other.macro_f1 < usual.macro_f1
    assert found.winner == 0


def test_a_failing_trial_is_recorded_and_the_others_go_on(trained, known, monkeypatch):
    set_space(monkeypatch, {"c": (0.7, 0.8), "words": (1, 2)})
    told = []
    found = successive_halving.search("count_logreg", *known, seed=0, count=5, on_trial=told.append)
    failed = [trial for trial in found.trials if trial.problem]
    assert {trial.options["words"] for trial in failed} == {1}
    assert {trial.problem for trial in failed} == {"ValueError: one word is not enough"}
    assert {trial.rung for trial in failed} == {0}, "what failed is not tried again"
    assert found.options == {"c": 0.8, "words": 2}
    assert found.complete == len(found.rungs)
    assert tuple(told) == found.trials


def test_when_all_others_fail_the_default_wins(trained, known, monkeypatch):
    set_space(monkeypatch, {"words": (1,), "min_df": (1, 2)})
    found = successive_halving.search("count_logreg", *known, seed=0, count=3)
    assert (found.winner, found.options, found.gain) == (0, {}, None)


def test_a_search_out_of_time_takes_the_best_of_the_last_complete_rung(trained, known):
    whole = successive_halving.search("count_logreg", *known, seed=3, count=9)
    first = successive_halving.search(
        "count_logreg", *known, seed=3, count=9, progress=lambda share, doing: "rung 2" not in doing
    )
    assert first.complete == 2
    assert first.trials == tuple(replace_cost(trial, first) for trial in whole.trials[: len(first.trials)])
    assert "cancelled" in first.stopped
    assert first.options["c"] == whole.options["c"]


def replace_cost(trial, other):
    """The trial with the seconds that the other search measured."""
    from dataclasses import replace

    same = next(t for t in other.trials if (t.rung, t.configuration) == (trial.rung, trial.configuration))
    return replace(trial, cpu_seconds=same.cpu_seconds)


def test_a_search_cancelled_in_its_first_rung_leaves_the_default(trained, known):
    found = successive_halving.search("count_logreg", *known, seed=3, count=9, progress=lambda share, doing: False)
    assert (found.winner, found.options, found.complete, found.trials) == (0, {}, 0, ())
    assert found.stopped


def test_progress_rises(trained, known):
    seen = []
    successive_halving.search(
        "count_logreg", *known, seed=3, count=9, progress=lambda share, doing: seen.append(share) or True
    )
    assert seen == sorted(seen)
    assert 0.9 < seen[-1] <= 1


def test_too_few_rows_and_nothing_to_search_say_so():
    texts, labels = rows(120)
    assert "too few" in successive_halving.search("fasttext", texts, labels, seed=0, count=4).stopped
    assert "nothing to search" in successive_halving.search("vader", texts, labels, seed=0, count=4).stopped


def test_the_same_seed_gives_the_same_winner_with_a_real_family():
    texts, labels = rows(500, seed=4)
    one, two = (successive_halving.search("count_logreg", texts, labels, seed=2, count=4) for _ in range(2))
    assert (one.winner, one.options, one.gain) == (two.winner, two.options, two.gain)
    assert [trial.score for trial in one.trials] == [trial.score for trial in two.trials]
    assert all(trial.problem is None for trial in one.trials)


@pytest.mark.parametrize("name", sorted(catalog.CATALOG))
def test_every_corner_of_a_space_is_an_option_of_its_family(name):
    """First and last value of each option are trained with; for networks, which take longer, the names are checked."""
    family = catalog.family(name)
    space = family.search_space({"fine_tune": True} if family.fine_tunable else {})
    if family.fine_tunable:
        assert set(space) <= {field.name for field in fields(Hyperparameters)}
    if family.fine_tunable or not space:
        return
    texts, labels = rows(200)
    for end in (0, -1):
        corner = {option: values[end] for option, values in space.items()}
        model = catalog.train(name, texts, labels, seed=0, **corner)
        assert np.isfinite(model.predict_proba(texts[:5])).all()


def test_families_with_nothing_to_fit_have_no_search_space():
    assert {name for name, family in catalog.CATALOG.items() if not family.search_space({})} == {
        *("vader", "textblob", "tweet_roberta", "stack")
    }
