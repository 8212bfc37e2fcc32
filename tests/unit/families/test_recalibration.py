"""A layer on top of a served model makes its probabilities honest, and changes nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lib.errors import TrainingRefused
from sentiment_lib.families import catalog
from sentiment_lib.families.base import Training
from sentiment_lib.families.recalibration import MIN_ROWS, NAME, fit_layer, recalibrate
from sentiment_lib.registry import model_package
from sentiment_lib.statistics.metrics import expected_calibration_error
from tests.unit.families.made_up import made_up

CODES = {"negative": 0, "neutral": 1, "positive": 2}


def boaster(rows, seed):
    """Probabilities that claim too much, after a shift of the classes."""
    random = np.random.default_rng(seed)
    honest = random.dirichlet([2.0, 0.6, 0.4], size=rows)
    labels = (honest.cumsum(axis=1) < random.random((rows, 1))).sum(axis=1).clip(0, 2)
    claimed = honest**2.5 * np.array([0.5, 1.0, 1.5])
    return claimed / claimed.sum(axis=1, keepdims=True), labels


def test_temperature_and_shift_are_found_again():
    proba, labels = boaster(20_000, 1)
    temperature, shift = fit_layer(proba, labels)
    assert temperature == pytest.approx(2.5, abs=0.15)
    wanted = -np.log([0.5, 1.0, 1.5]) / 2.5
    np.testing.assert_allclose(shift, wanted - wanted.mean(), atol=0.06)


def test_few_labels_already_help():
    proba, labels = boaster(300, 2)
    later, truth = boaster(20_000, 3)
    fitted = recalibrate(later, *fit_layer(proba, labels))
    assert expected_calibration_error(truth, fitted) < 0.5 * expected_calibration_error(truth, later)


@pytest.fixture(scope="module")
def champion():
    return catalog.train("tfidf_logreg", *made_up(300), seed=1)


def layered(champion, rows=MIN_ROWS, labels=None):
    texts, names = made_up(rows, seed=8)
    codes = np.array([CODES[name] for name in names]) if labels is None else labels
    return catalog.family(NAME).train(Training(texts=texts, labels=codes, seed=0, teacher=champion))


def test_the_package_holds_the_champions_files_and_is_the_same_each_time(champion, tmp_path):
    first, again = layered(champion), layered(champion)
    digest = model_package.write(first, tmp_path / "one")
    assert model_package.write(again, tmp_path / "two") == digest
    model_package.write(champion, tmp_path / "champion")
    for path in (tmp_path / "champion").iterdir():
        if path.name != model_package.MANIFEST:
            assert (tmp_path / "one" / "model" / path.name).read_bytes() == path.read_bytes()
    texts, _ = made_up(50, seed=4)
    read = model_package.read(tmp_path / "one", digest)
    np.testing.assert_array_equal(read.predict_proba(texts), first.predict_proba(texts))
    np.testing.assert_array_equal(read.predict_proba([]), np.empty((0, 3)))


def test_a_second_recalibration_replaces_the_first(champion, tmp_path):
    once = layered(champion)
    twice = layered(once)
    assert twice.base is once.base
    assert model_package.write(twice, tmp_path / "twice") == model_package.write(once, tmp_path / "once")
    assert twice.notes["members"] == ["tfidf_logreg"]


def test_too_few_labels_and_no_champion_are_refused(champion):
    with pytest.raises(TrainingRefused, match="199 audit labels are new to the champion, and 200 are needed"):
        layered(champion, rows=199)
    with pytest.raises(TrainingRefused, match="positive 0"):
        layered(champion, labels=np.arange(MIN_ROWS) % 2)
    with pytest.raises(TrainingRefused, match="no model to recalibrate"):
        layered(None)
