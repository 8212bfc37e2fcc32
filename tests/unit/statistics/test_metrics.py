import numpy as np
import pytest
from sklearn import metrics as reference

from sentiment_lib.errors import BadInput
from sentiment_lib.statistics.metrics import (
    calibration_noise,
    classification_metrics,
    confusion_matrix,
    expected_confusion_matrix,
    weighted_confusion_matrix,
)


def test_figures_agree_with_scikit_learn(dice):
    labels, proba = dice(700, 0.6)
    found, predicted = classification_metrics(labels, proba), proba.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(labels, predicted))
    assert found["macro_f1"] == pytest.approx(reference.f1_score(labels, predicted, average="macro"))
    assert found["macro_recall"] == pytest.approx(reference.recall_score(labels, predicted, average="macro"))
    assert found["negative_f1"] == pytest.approx(reference.f1_score(labels, predicted, average=None)[0])
    assert found["negative_recall"] == pytest.approx(reference.recall_score(labels, predicted, average=None)[0])


def test_a_class_that_nobody_has_or_predicts_counts_as_zero_not_as_an_error():
    found = classification_metrics([0, 0, 0], [[1, 0, 0]] * 3)
    assert found["negative_f1"] == 1
    assert found["macro_f1"] == pytest.approx(1 / 3)


def test_a_model_that_means_what_it_says_has_a_small_calibration_error_and_a_boaster_a_large_one():
    rng = np.random.default_rng(1)
    proba = np.tile([0.7, 0.2, 0.1], (4000, 1))
    labels = rng.choice(3, size=4000, p=[0.7, 0.2, 0.1])
    assert classification_metrics(labels, proba)["calibration_error"] < 0.03
    assert classification_metrics(labels, np.tile([1.0, 0, 0], (4000, 1)))["calibration_error"] == pytest.approx(
        0.3, abs=0.03
    )


def test_a_perfectly_calibrated_model_shows_the_error_that_chance_gives_it():
    rng = np.random.default_rng(2)
    seen, expected = [], []
    for _ in range(60):
        proba = rng.dirichlet([1, 1, 1], size=100)
        labels = (rng.random(100)[:, None] > proba.cumsum(axis=1)).sum(axis=1).clip(0, 2)
        seen.append(classification_metrics(labels, proba)["calibration_error"])
        expected.append(calibration_noise(proba))
    assert np.mean(seen) == pytest.approx(np.mean(expected), rel=0.1)


@pytest.mark.parametrize(
    ("labels", "proba"),
    [
        ([], np.empty((0, 3))),
        ([0, 3], [[1, 0, 0], [1, 0, 0]]),
        ([0], [[1, 0]]),
        ([0], [[np.nan, 0, 1]]),
        ([0], [[2.0, -1.0, 0]]),
        ([0], [[0.4, 0.4, 0.4]]),
    ],
)
def test_rows_that_make_no_sense_are_refused(labels, proba):
    with pytest.raises(BadInput):
        classification_metrics(labels, proba)


def test_confusion_matrices_have_true_labels_in_rows_weights_and_probabilities_aside():
    labels, predicted = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0])
    counts = confusion_matrix(labels, predicted)
    assert counts.tolist() == reference.confusion_matrix(labels, predicted).tolist()
    weights = np.array([1.0, 2.0, 3.0, 4.0])
    weighted = weighted_confusion_matrix(labels, predicted, weights)
    assert weighted.tolist() == reference.confusion_matrix(labels, predicted, sample_weight=weights).tolist()
    assert expected_confusion_matrix(np.eye(3)[labels], predicted).tolist() == counts.tolist()
    assert expected_confusion_matrix(np.array([[0.5, 0.5, 0.0]]), np.array([2])).tolist() == [
        [0, 0, 0.5],
        [0, 0, 0.5],
        [0, 0, 0],
    ]
