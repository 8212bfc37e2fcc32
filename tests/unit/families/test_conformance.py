"""One suite that every family passes."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sentiment_lib.errors import BadInput, TrainingCancelled, TrainingRefused
from sentiment_lib.families import catalog
from sentiment_lib.registry import package
from tests.unit.families.made_up import WORDS, made_up

ODD = ["", " ", "😀😀😡", "x" * 20_000, "飛行機がおくれた", "\x00\u202e&lt;b&gt;", "@user http", "no " * 3000]
LEARNING = [name for name in catalog.CATALOG if name not in ("vader", "textblob")]


@pytest.fixture(scope="module", params=list(catalog.CATALOG))
def trained(request, options):
    texts, labels = made_up(300)
    return catalog.train(request.param, texts, labels, seed=1, **options(request.param))


def test_probabilities_sum_to_one_and_are_finite_for_any_text(trained):
    proba = trained.predict_proba(ODD)
    assert proba.shape == (len(ODD), 3)
    assert np.isfinite(proba).all()
    assert (proba >= 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)


def test_no_texts_give_no_rows(trained):
    assert trained.predict_proba([]).shape == (0, 3)


def test_order_and_batch_size_do_not_matter(trained):
    texts, _ = made_up(60, seed=2)
    whole = trained.predict_proba(texts)
    np.testing.assert_allclose(whole[::-1], trained.predict_proba(texts[::-1]), atol=1e-5)
    np.testing.assert_allclose(whole, np.vstack([trained.predict_proba([text]) for text in texts]), atol=1e-5)


def test_a_text_that_comes_again_has_the_same_row(trained):
    texts, _ = made_up(20, seed=5)
    whole = trained.predict_proba([*texts, *texts[::-1]])
    np.testing.assert_array_equal(whole[:20], whole[20:][::-1])


def test_it_learned_what_the_words_say(trained):
    texts, labels = made_up(200, seed=3)
    guessed = trained.predict_proba(texts).argmax(axis=1)
    right = np.mean([list(WORDS)[place] == label for place, label in zip(guessed, labels, strict=True)])
    assert right > (0.5 if trained.family in ("vader", "textblob") else 0.9)


def test_saved_and_read_again_it_gives_the_same_probabilities(trained, tmp_path):
    digest = package.write(trained, tmp_path / "package")
    again = package.read(tmp_path / "package", digest)
    texts, _ = made_up(50, seed=4)
    np.testing.assert_array_equal(trained.predict_proba(texts + ODD), again.predict_proba(texts + ODD))


def test_two_threads_agree(trained):
    texts, _ = made_up(200, seed=5)
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(trained.predict_proba, [texts, texts])
    np.testing.assert_array_equal(one, two)


def test_a_fresh_process_agrees(trained, tmp_path):
    digest = package.write(trained, tmp_path / "package")
    text = "@united thanks for the delayed bag"
    code = (
        "import sys; from pathlib import Path; from sentiment_lib.registry import package\n"
        "model = package.read(Path(sys.argv[1]), sys.argv[2])\n"
        "print(*(float(p).hex() for p in model.predict_proba([sys.argv[3]])[0]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "package"), digest, text]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert [float.fromhex(number) for number in printed] == trained.predict_proba([text])[0].tolist()


@pytest.mark.parametrize("name", list(catalog.CATALOG))
def test_the_same_seed_gives_the_same_package(name, tmp_path, options):
    texts, labels = made_up(200)
    one = package.write(catalog.train(name, texts, labels, seed=7, **options(name)), tmp_path / "one")
    two = package.write(catalog.train(name, texts, labels, seed=7, **options(name)), tmp_path / "two")
    assert (tmp_path / "one" / "manifest.json").read_bytes() == (tmp_path / "two" / "manifest.json").read_bytes()
    assert one == two


@pytest.mark.parametrize("name", list(catalog.CATALOG))
def test_a_missing_label_is_refused_and_named(name, options):
    texts, labels = made_up(200)
    kept = [(text, label) for text, label in zip(texts, labels, strict=True) if label != "positive"]
    with pytest.raises(TrainingRefused, match="positive 0"):
        catalog.train(name, [text for text, _ in kept], [label for _, label in kept], seed=0, **options(name))


@pytest.mark.parametrize("name", list(catalog.CATALOG))
def test_progress_is_reported_and_can_cancel(name, options):
    texts, labels = made_up(200)
    seen = []
    known = options(name)
    catalog.train(name, texts, labels, seed=0, progress=lambda share, doing: seen.append(share) or True, **known)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    with pytest.raises(TrainingCancelled):
        catalog.train(name, texts, labels, seed=0, progress=lambda share, doing: False, **options(name))


@pytest.mark.parametrize("name", LEARNING)
def test_training_again_forgets_what_was_there(name, options):
    texts, labels = made_up(300)
    turned = {"negative": "positive", "positive": "negative", "neutral": "neutral"}
    catalog.train(name, texts, labels, seed=0, **options(name))
    other = catalog.train(name, texts, [turned[label] for label in labels], seed=0, **options(name))
    texts, labels = made_up(60, seed=8)
    guessed = other.predict_proba(texts).argmax(axis=1)
    assert np.mean([list(WORDS)[place] == turned[label] for place, label in zip(guessed, labels, strict=True)]) > 0.9


def test_complement_naive_bayes_is_an_option():
    texts, labels = made_up(300)
    model = catalog.train("tfidf_logreg", texts, labels, seed=0, model="complement_nb")
    assert model.predict_proba(["terrible awful worst"])[0].argmax() == 0


def test_an_option_that_a_stack_does_not_know_is_refused():
    texts, labels = made_up(60)
    with pytest.raises(BadInput, match=r"member of stack.*known are checkpoints, folds, member_options, members"):
        catalog.train("stack", texts, labels, seed=0, member=["bert"])


def test_options_for_who_is_no_member_of_a_stack_are_refused():
    texts, labels = made_up(60)
    members = {"members": ["tfidf_logreg", "fasttext"], "member_options": {"bert": {"epochs": 1}}}
    with pytest.raises(BadInput, match=r"bert is none of its members: tfidf_logreg, fasttext"):
        catalog.train("stack", texts, labels, seed=0, **members)


def test_members_of_a_stack_given_as_one_word_are_refused():
    texts, labels = made_up(60)
    with pytest.raises(BadInput, match=r"'tfidf_logreg' is one word; a list is needed"):
        catalog.train("stack", texts, labels, seed=0, members="tfidf_logreg")


def test_a_stack_of_one_fold_learns_from_the_newer_half():
    texts, labels = made_up(300)
    cheap, usual = (
        catalog.train("stack", texts, labels, seed=0, members=["tfidf_logreg", "fasttext"], folds=folds)
        for folds in (1, 2)
    )
    assert (cheap.notes["calibration_rows"], usual.notes["calibration_rows"]) == (150, 300)
    later, truth = made_up(60, seed=8)
    guessed = cheap.predict_proba(later).argmax(axis=1)
    assert np.mean([list(WORDS)[place] == label for place, label in zip(guessed, truth, strict=True)]) > 0.9


def test_a_stack_of_one_fold_whose_newer_half_lacks_a_label_is_refused():
    texts, labels = made_up(300)
    order = sorted(range(len(labels)), key=lambda row: labels[row] != labels[0])
    texts, labels = [texts[row] for row in order], [labels[row] for row in order]
    with pytest.raises(TrainingRefused, match=r"newer half of the rows lacks a label"):
        catalog.train("stack", texts, labels, seed=0, members=["tfidf_logreg", "fasttext"], folds=1)


def test_a_lexicon_works_without_any_label():
    model = catalog.train("vader", [], [], seed=0)
    proba = model.predict_proba(
        ["@united you are terrible, worst flight", "boarding at gate 4", "I love you, great crew"]
    )
    assert proba.argmax(axis=1).tolist() == [0, 1, 2]


def test_the_airlines_name_is_no_praise():
    model = catalog.train("vader", [], [], seed=0)
    np.testing.assert_array_equal(model.predict_proba(["@united hello"]), model.predict_proba(["@delta hello"]))
