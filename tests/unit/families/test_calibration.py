"""Calibration: both kinds, and notes from cross-fitting."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.families import calibration, catalog
from sentiment_lib.families.calibration import softmax
from sentiment_lib.families.embeddings.logistic_head import LogisticHead
from sentiment_lib.statistics.metrics import expected_calibration_error
from tests.unit.families.made_up import made_up


def overconfident(rows, seed=0):
    """Probabilities that are three times as sure as they may be, and labels."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(size=(rows, 3))
    labels = np.array([draw.choice(3, p=row) for row in softmax(logits)])
    return softmax(3 * logits), labels


@pytest.mark.parametrize("kind", calibration.KINDS)
def test_each_kind_makes_overconfident_probabilities_honest(kind):
    proba, labels = overconfident(4000)
    asked, truth = overconfident(4000, seed=1)
    fitted = calibration.fit(kind, proba, labels)
    assert expected_calibration_error(truth, asked) > 0.15
    assert expected_calibration_error(truth, fitted.apply(asked)) < 0.04
    noted = calibration.calibration_notes(proba, labels, fitted.temperature, kind=kind)
    assert noted["ece_before"] > 0.15
    assert noted["ece_after"] < 0.04


def test_what_is_recorded_was_not_fitted_on_itself():
    draw = np.random.default_rng(0)
    recorded, own = [], []
    for seed in range(20):
        # labels that have nothing to do with the probabilities: curves can only learn them by heart
        proba, labels = overconfident(60, seed)[0], draw.integers(3, size=60)
        fitted = calibration.fit("isotonic", proba, labels)
        own.append(expected_calibration_error(labels, fitted.apply(proba)))
        recorded.append(calibration.calibration_notes(proba, labels, 1.0, kind="isotonic")["ece_after"])
    assert np.mean(recorded) > 1.3 * np.mean(own)


def test_weights_count_in_every_kind():
    proba, labels = overconfident(2000)
    rare = np.where(labels == 0, 0.1, 1.0)
    asked = np.full((1, 3), 1 / 3)
    for kind in calibration.KINDS:
        plain, weighed = (calibration.fit(kind, proba, labels, weights).apply(proba) for weights in (None, rare))
        assert not np.allclose(plain, weighed)
    assert calibration.fit("isotonic", proba, labels, rare).apply(asked)[0, 0] < 1 / 3


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_to_fit_on_are_recorded_as_they_are(rows):
    proba, labels = overconfident(4)
    noted = calibration.calibration_notes(proba[:rows], labels[:rows], 1.0)
    assert noted["ece_after"] == noted["ece_before"]


def test_a_linear_family_is_calibrated_by_curves_where_the_option_says_so(tmp_path):
    texts, labels = made_up(300)
    plain, bent = (catalog.train("glove_logreg", texts, labels, seed=0, calibration=kind) for kind in calibration.KINDS)
    asked, _ = made_up(50, seed=3)
    assert not np.allclose(plain.predict_proba(asked), bent.predict_proba(asked))
    bent.save(tmp_path)
    assert LogisticHead.load(tmp_path).calibration.curves.shape == (3, calibration.KNOTS)
    again = catalog.load(tmp_path, "glove_logreg")
    np.testing.assert_array_equal(again.predict_proba(asked), bent.predict_proba(asked))


def test_a_calibration_that_nobody_knows_is_refused():
    texts, labels = made_up(60)
    with pytest.raises(
        BadInput, match=r"option calibration of glove_logreg .*'platt' is none of temperature, isotonic"
    ):
        catalog.train("glove_logreg", texts, labels, seed=0, calibration="platt")
