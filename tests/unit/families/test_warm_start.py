"""Warm starts: which packages fit, and which rows may be held out."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest

pytest.importorskip("torch")

from sentiment_lib.errors import BadInput
from sentiment_lib.families import catalog
from sentiment_lib.registry import model_package
from tests.unit.families.made_up import made_up
from tests.unit.families.small_checkpoints import bert

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
TEXTS, LABELS = made_up(60)
QUICK = {"epochs": 1, "batch": 16, "precision": "fp32"}


def minutes(first, count):
    return [MONDAY + timedelta(minutes=first + number) for number in range(count)]


def warm(start, checkpoint, created_at=None, **options):
    return catalog.train(
        "bert",
        TEXTS,
        LABELS,
        seed=1,
        created_at=created_at,
        **{"checkpoint": str(checkpoint), "start": str(start), **QUICK, **options},
    )


@pytest.fixture(scope="module")
def first(small_bert, tmp_path_factory):
    """A package whose weights learned from the first 54 minutes of Monday."""
    folder = tmp_path_factory.mktemp("first") / "package"
    options = {"checkpoint": str(small_bert), **QUICK}
    model_package.write(catalog.train("bert", TEXTS, LABELS, seed=0, created_at=minutes(0, 60), **options), folder)
    return folder


@pytest.fixture
def older(first, tmp_path):
    """The same package as an earlier version of the family wrote it."""
    shutil.copytree(first, tmp_path / "older")
    path = tmp_path / "older" / "settings.json"
    settings = json.loads(path.read_text())
    del settings["base"], settings["learned_until"]
    path.write_text(json.dumps(settings))
    return tmp_path / "older"


def other(folder, **shape):
    folder.mkdir()
    return bert(folder, **shape)


def test_a_package_of_a_network_with_fewer_layers_is_refused(older, tmp_path):
    deeper = other(tmp_path / "deeper", num_hidden_layers=4)
    with pytest.raises(BadInput, match=r"it has no body.encoder.layer.2.*, which this network learns"):
        warm(older, deeper)


def test_a_package_of_a_network_with_more_layers_is_refused(older, tmp_path):
    flatter = other(tmp_path / "flatter", num_hidden_layers=1)
    with pytest.raises(BadInput, match=r"body.encoder.layer.1.* is not part of this network"):
        warm(older, flatter)


def test_a_package_of_another_width_is_refused_in_words(older, tmp_path):
    wider = other(tmp_path / "wider", intermediate_size=256)
    with pytest.raises(BadInput, match=r"has another shape than in this network: \(128.*\) and \(256"):
        warm(older, wider)


def test_a_package_of_another_checkpoint_of_the_same_shape_is_refused(first, older, tmp_path):
    strange = other(tmp_path / "strange", seed=1)
    with pytest.raises(BadInput, match=r"it was trained from a checkpoint with SHA-256 .* leave start out"):
        warm(first, strange)
    assert catalog.family("bert").start_problem({"checkpoint": str(strange)}, first).startswith("start ")
    # packages of earlier versions do not say which it was
    assert warm(older, strange).notes["warm_start"]


def test_a_package_without_weights_is_nothing_to_go_on_from(small_roberta, tmp_path):
    as_it_is = catalog.train("tweet_roberta", [], [], seed=0, checkpoint=str(small_roberta))
    model_package.write(as_it_is, tmp_path / "package")
    known = {"checkpoint": str(small_roberta)}
    with pytest.raises(BadInput, match=r"holds no weights.safetensors"):
        catalog.train("tweet_roberta", TEXTS, LABELS, seed=0, fine_tune=True, start=str(tmp_path / "package"), **known)
    fine_tuned = {**known, "fine_tune": True}
    assert "weights.safetensors" in catalog.family("tweet_roberta").start_problem(fine_tuned, tmp_path / "package")
    assert (
        catalog.family("tweet_roberta").start_problem(known, tmp_path / "package")
        == "the checkpoint is used as published"
    )
    assert (
        catalog.family("tfidf_logreg").start_problem({}, tmp_path / "package")
        == "tfidf_logreg always trains from scratch"
    )


def test_rows_that_the_first_weights_learned_from_do_not_judge_the_second(first, small_bert, tmp_path):
    """Of ten later rows, the first four are from the minutes that the package learned from."""
    shifted = warm(first, small_bert, minutes(-2, 60))
    assert shifted.notes["calibration_rows"] == 4
    whole = warm(first, small_bert, minutes(0, 60))
    assert whole.notes["calibration_rows"] == 6
    with pytest.raises(BadInput, match="learned from tweets until 2026-01-05 00:53, and only 2 of the 6 held-out rows"):
        warm(first, small_bert, minutes(-4, 60))
    known = {"checkpoint": str(small_bert)}
    assert "only 2 of the 6" in catalog.family("bert").start_problem(known, first, minutes(-4, 60))
    assert catalog.family("bert").start_problem(known, first, minutes(0, 60)) is None


def test_what_the_weights_before_learned_from_counts_for_the_next_package_as_well(first, small_bert, tmp_path):
    """Rows to learn from that are older than those of the package, and later ones that are newer."""
    model_package.write(warm(first, small_bert, minutes(-20, 54) + minutes(60, 6)), tmp_path / "second")
    settings = json.loads((tmp_path / "second" / "settings.json").read_text())
    assert datetime.fromisoformat(settings["learned_until"]) == MONDAY + timedelta(minutes=53)


def test_a_warm_start_adapts_nothing_and_says_so(first, small_bert):
    model = catalog.train(
        "bert",
        TEXTS,
        LABELS,
        seed=1,
        unlabelled=["the bag"] * 40,
        **{"checkpoint": str(small_bert), "start": str(first), "pretrain_epochs": 1, **QUICK},
    )
    assert model.notes["pretrained_on"] == 0
    assert catalog.family("bert").reads_unlabelled({"pretrain_epochs": 1})
    assert not catalog.family("bert").reads_unlabelled({"pretrain_epochs": 1, "start": str(first)})
    assert not catalog.family("tweet_roberta").reads_unlabelled({"pretrain_epochs": 1})
