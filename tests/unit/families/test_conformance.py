"""The conformance suite that every family passes."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from sentiment_lib.errors import BadInput, TrainingCancelled, TrainingRefused
from sentiment_lib.families import catalog
from sentiment_lib.families.bag_of_words.family import NAIVE_BAYES_C
from sentiment_lib.families.base import Training
from sentiment_lib.registry import model_package
from tests.unit.families.made_up import WORDS, made_up

ODD = [
    *("", " ", "😀😀😡", "x" * 20_000, "飛行機がおくれた", "\x00\u202e&lt;b&gt;", "@user http", "no " * 3000),
    # halves of characters
    *("\ud83d", "late \udc00late"),
    # what fastText, NLTK or a tokenizer may take for its own
    *("__label__positive", "late __LABEL__spam </s>", "[CLS] [MASK] <s></s> <unk>", "n't 's '' ``"),
]
#: Families that load a transformer before they do anything.
SLOW_TO_START = ("sentence_encoder_logreg", "bert", "mpnet", "tweet_roberta")
#: As few steps as show each kind of report.
SHORT = {**{name: {"epochs": 1, "batch": 32} for name in ("bert", "mpnet", "tweet_roberta")}, "stack": {"folds": 1}}
#: Copies of before any test has trained one.
UNTOUCHED = copy.deepcopy({name: catalog.CATALOG[name] for name in SLOW_TO_START})
ROOT = Path(__file__).parents[3]


def turned(rows):
    """Other tweets than the usual ones, whose words mean the opposite."""
    opposite = {"negative": "positive", "positive": "negative", "neutral": "neutral"}
    texts, labels = made_up(rows, seed=9)
    return texts, [opposite[label] for label in labels]


@pytest.fixture(scope="module", params=list(catalog.CATALOG))
def trained(request, options):
    """A model of the family, for which odd texts were among those that it learned from."""
    texts, labels = made_up(300)
    for place, odd in enumerate(ODD):
        texts.insert(20 * place, odd)
        labels.insert(20 * place, "neutral")
    return catalog.train(request.param, texts, labels, seed=3, **options(request.param))


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
    digest = model_package.write(trained, tmp_path / "package")
    again = model_package.read(tmp_path / "package", digest)
    texts, _ = made_up(50, seed=4)
    np.testing.assert_array_equal(trained.predict_proba(texts + ODD), again.predict_proba(texts + ODD))


def test_the_memory_it_keeps_is_stated(trained, tmp_path):
    digest = model_package.write(trained, tmp_path / "package")
    again = model_package.read(tmp_path / "package", digest)
    assert trained.memory_mb > 0
    assert again.memory_mb == pytest.approx(trained.memory_mb, rel=0.01)
    kept = [
        path for path in (tmp_path / "package").rglob("*") if path.suffix in (".npz", ".bin", ".onnx", ".safetensors")
    ]
    assert trained.memory_mb * 1e6 >= sum(map(values_in, kept))


def values_in(path):
    """Bytes of the numbers that a file of a package holds."""
    if path.suffix != ".npz":
        return path.stat().st_size
    with np.load(path, allow_pickle=False) as arrays:
        return sum(array.nbytes for array in arrays.values())


def test_two_threads_agree(trained):
    texts, _ = made_up(200, seed=5)
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(trained.predict_proba, [texts, texts])
    np.testing.assert_array_equal(one, two)


def test_a_fresh_process_agrees(trained, tmp_path):
    digest = model_package.write(trained, tmp_path / "package")
    text = "@united thanks for the delayed bag"
    code = (
        "import sys; from pathlib import Path; from sentiment_lib.registry import model_package as package\n"
        "model = package.read(Path(sys.argv[1]), sys.argv[2])\n"
        "print(*(float(p).hex() for p in model.predict_proba([sys.argv[3]])[0]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "package"), digest, text]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert [float.fromhex(number) for number in printed] == trained.predict_proba([text])[0].tolist()


@pytest.mark.parametrize("name", list(catalog.CATALOG))
def test_the_same_seed_gives_the_same_package(name, tmp_path, options):
    texts, labels = made_up(200)
    one = model_package.write(catalog.train(name, texts, labels, seed=7, **options(name)), tmp_path / "one")
    two = model_package.write(catalog.train(name, texts, labels, seed=7, **options(name)), tmp_path / "two")
    assert (tmp_path / "one" / "manifest.json").read_bytes() == (tmp_path / "two" / "manifest.json").read_bytes()
    assert one == two


@pytest.mark.parametrize("name", list(catalog.CATALOG))
def test_a_missing_label_is_refused_and_named(name, options):
    texts, labels = made_up(200)
    kept = [(text, label) for text, label in zip(texts, labels, strict=True) if label != "positive"]
    with pytest.raises(TrainingRefused, match="positive 0"):
        catalog.train(name, [text for text, _ in kept], [label for _, label in kept], seed=0, **options(name))


@pytest.mark.parametrize("name", list(catalog.CATALOG))
def test_progress_is_reported_and_can_cancel_at_every_report(name, options):
    texts, labels = made_up(200)
    known = {**options(name), **SHORT.get(name, {})}
    seen = []
    catalog.train(name, texts, labels, seed=0, progress=lambda share, doing: seen.append(share) or True, **known)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)
    for last in range(len(seen)):
        asked = count()
        with pytest.raises(TrainingCancelled):
            catalog.train(name, texts, labels, seed=0, progress=lambda *_: next(asked) < last, **known)  # noqa: B023
        assert next(asked) == last + 1, "it went on after it was cancelled"


def test_word2vec_can_be_cancelled_between_two_passes_over_the_tweets():
    texts, labels = made_up(200)
    told = []

    def progress(share, doing):
        told.append(doing)
        return len(told) < 4

    with pytest.raises(TrainingCancelled, match="pass 3 of 5"):
        catalog.train("word2vec_logreg", texts, labels, seed=0, epochs=5, progress=progress)
    assert told[1:] == [f"word vectors, pass {number} of 5" for number in (1, 2, 3)]


@pytest.mark.parametrize("name", list(catalog.CATALOG))
def test_training_again_forgets_what_was_there(name, options, fresh, tmp_path):
    catalog.train(name, *made_up(300), seed=0, **options(name))
    again = model_package.write(catalog.train(name, *turned(200), seed=0, **options(name)), tmp_path / "again")
    assert again == fresh(name), "one that has never learned anything else learned something else"


@pytest.fixture(scope="module")
def fresh(options, tmp_path_factory):
    """Digest of a family's package, learned from turned tweets by what has never learned before.

    In another process, where strings have other hashes; or, where starting one takes seconds, by an untouched copy of
    the family.
    """
    folder = tmp_path_factory.mktemp("fresh")
    asked = json.dumps({name: options(name) for name in catalog.CATALOG if name not in SLOW_TO_START})
    code = (
        "import sys, json; from pathlib import Path; from sentiment_lib.families import catalog\n"
        "from sentiment_lib.registry import model_package as package\n"
        "from tests.unit.families.test_conformance import turned\n"
        "for name, options in json.loads(sys.argv[1]).items():\n"
        "    model = catalog.train(name, *turned(200), seed=0, **options)\n"
        "    print(name, package.write(model, Path(sys.argv[2]) / name))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "4321"}
    command = [sys.executable, "-c", code, asked, str(folder)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment).stdout
    digests = dict(line.split() for line in printed.splitlines())

    def digest(name):
        if name in digests:
            return digests[name]
        texts, labels = turned(200)
        places = np.array([list(WORDS).index(label) for label in labels])
        learned = UNTOUCHED[name].train(Training(texts=texts, labels=places, seed=0, options=options(name)))
        return model_package.write(learned, folder / name)

    return digest


@pytest.mark.parametrize("name", ["count_logreg", "tfidf_logreg"])
def test_complement_naive_bayes_is_an_option(name, tmp_path):
    texts, labels = made_up(300)
    model = catalog.train(name, texts, labels, seed=0, model="complement_nb")
    later, truth = made_up(100, seed=8)
    proba = model.predict_proba(later)
    assert (
        np.mean([list(WORDS)[place] == label for place, label in zip(proba.argmax(axis=1), truth, strict=True)]) > 0.9
    )
    told = ["terrible awful worst", "boarding at the gate in boston", "love this wonderful crew"]
    assert model.predict_proba(told).argmax(axis=1).tolist() == [0, 1, 2]
    assert not np.allclose(proba, catalog.train(name, texts, labels, seed=0).predict_proba(later))
    digest = model_package.write(model, tmp_path / "package")
    np.testing.assert_array_equal(model_package.read(tmp_path / "package", digest).predict_proba(later), proba)


@pytest.mark.parametrize("name", ["count_logreg", "tfidf_logreg"])
def test_naive_bayes_tries_smoothing_of_its_own(name):
    told = []
    catalog.train(
        name, *made_up(300), seed=0, model="complement_nb", progress=lambda _, doing: told.append(doing) or True
    )
    tried = [float(doing.removeprefix("regularisation ")) for doing in told if doing.startswith("regularisation ")]
    assert tried == list(NAIVE_BAYES_C)
    assert min(tried) >= 1, "more smoothing than one count drowns what a few words say"


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
