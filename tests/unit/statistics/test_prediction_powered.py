import numpy as np
import pytest

from sentiment_lib.drift.performance_estimation import estimate_from_sample
from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation.metric_influence import expected_gains, metric_gradient, row_gains
from sentiment_lib.statistics.metrics import classification_metrics, confusion_matrix
from sentiment_lib.statistics.prediction_powered import (
    prediction_powered_mean,
    prediction_powered_metric,
)


def metric_of(labels, proba, labelled, chance, metric):
    few = np.full(labelled.sum(), chance)
    return prediction_powered_metric(labels[labelled], proba[labelled], few, proba, metric=metric)


def simulated(number, rows=3000):
    """What a good predictor expects of each row, and what is true of it."""
    rng = np.random.default_rng([6, number])
    predicted = rng.beta(0.4, 0.4, size=rows)
    return rng, predicted, (rng.random(rows) < predicted * 0.9).astype(float)


def test_prediction_powered_bounds_hold_the_truth_and_are_narrower_than_plain_ones():
    held = narrower = 0
    for number in range(200):
        rng, predicted, values = simulated(number)
        labelled = rng.random(values.size) < 0.1
        found = prediction_powered_mean(values, predicted, labelled, np.full(values.size, 0.1))
        held += found.low <= 0.45 <= found.high
        narrower += (found.high - found.low) < 0.85 * (found.plain_high - found.plain_low)
    assert held / 200 > 0.9
    assert narrower == 200


def test_useless_predictions_are_not_trusted():
    rng, _, values = simulated(1)
    labelled = rng.random(values.size) < 0.2
    found = prediction_powered_mean(values, rng.random(values.size), labelled, np.full(values.size, 0.2))
    assert found.trust < 0.1
    assert found.estimate == pytest.approx(found.plain_estimate, abs=0.01)


def test_labels_drawn_with_unequal_known_probabilities_do_not_bias_the_estimate():
    wrong = []
    for number in range(200):
        rng, predicted, values = simulated(number)
        interest = np.sqrt(predicted * (1 - predicted))
        chance = np.clip(0.01 + 270 * interest / interest.sum(), 0, 1)
        labelled = rng.random(values.size) < chance
        wrong.append(prediction_powered_mean(values, predicted, labelled, chance).estimate - 0.45)
    assert abs(np.mean(wrong)) < 3 * np.std(wrong) / np.sqrt(200)


def test_gains_are_estimated_from_labels_drawn_where_two_models_disagree(dice):
    wrong = saved = 0
    for number in range(200):
        labels, one, other = dice(8000, 0.75, 0.75, seed=[9, number])
        old, new = one.argmax(axis=1), other.argmax(axis=1)
        gradient = metric_gradient(confusion_matrix(labels, old), "negative_f1")
        belief, gain = (one + other) / 2, row_gains(labels, old, new, gradient)
        picked = np.where(old != new, 100 / (old != new).sum(), 1e-6)
        labelled = np.random.default_rng(number).random(8000) < picked
        expected = expected_gains(belief, old, new, gradient)
        found = prediction_powered_mean(gain, expected, labelled, picked, level=0.1, centre=0)
        wrong += found.low > gain.mean()
        even = gain.std() / np.sqrt(labelled.sum())
        saved += found.standard_error < 0.85 * even
    assert wrong / 200 < 0.1
    assert saved > 180


def test_accuracy_of_a_model_is_estimated_from_a_few_labels(dice):
    labels, proba = dice(5000, 0.7)
    labelled = np.random.default_rng(1).random(5000) < 0.1
    truth = (proba.argmax(axis=1) == labels).mean()
    found = metric_of(labels, proba, labelled, 0.1, "accuracy")
    assert found.low < truth < found.high


def test_negative_f1_of_a_model_is_estimated_without_bias_and_its_bounds_hold_it(dice):
    labels, proba = dice(5000, 0.7)
    truth = classification_metrics(labels, proba)["negative_f1"]
    found = []
    for number in range(150):
        labelled = np.random.default_rng(number).random(5000) < 0.08
        found.append(metric_of(labels, proba, labelled, 0.08, "negative_f1"))
    assert np.mean([one.value for one in found]) == pytest.approx(truth, abs=0.006)
    assert np.mean([one.low < truth < one.high for one in found]) > 0.9


def test_an_estimate_without_labels_or_chances_is_refused():
    nothing = np.zeros(10)
    with pytest.raises(BadInput, match="0 labelled rows"):
        prediction_powered_mean(nothing, nothing, np.zeros(10, dtype=bool), np.ones(10))
    with pytest.raises(BadInput, match="chance"):
        prediction_powered_mean(nothing, nothing, np.ones(10, dtype=bool), nothing)


def world(rows, random, sharpness=1.0):
    """Labels and the probabilities of three classes that a model gives; sharpness 1 is calibrated."""
    prior = np.array([0.6, 0.25, 0.15])
    labels = random.choice(3, rows, p=prior)
    seen = np.eye(3)[labels] * 2 + random.normal(0, 1.3, (rows, 3))
    scores = sharpness * (np.log(prior) + 2 * seen / 1.3**2)
    proba = np.exp(scores - scores.max(axis=1, keepdims=True))
    return labels, proba / proba.sum(axis=1, keepdims=True)


def truth(sharpness=1.0):
    labels, proba = world(100_000, np.random.default_rng(0), sharpness)
    return classification_metrics(labels, proba)["macro_f1"]


@pytest.mark.parametrize("sharpness", [1.0, 4.0])
def test_intervals_hold_the_truth_and_are_narrower_than_those_of_the_sample_alone(sharpness):
    right, held, widths = truth(sharpness), 0, []
    for seed in range(30):
        random = np.random.default_rng(seed + 1)
        labels, proba = world(2000, random, sharpness)
        # tweets of one predicted class are drawn more often than others
        chance = np.where(proba.argmax(axis=1) == 0, 0.05, 0.2)
        drawn = random.random(2000) < chance
        both = prediction_powered_metric(labels[drawn], proba[drawn], chance[drawn], proba, seed=seed)
        alone = estimate_from_sample(labels[drawn], proba[drawn], chance[drawn])
        held += both.low <= right <= both.high
        widths.append((both.high - both.low) / (alone.high - alone.low))
    assert held >= 25  # 28 of 30 expected; fewer than 25 has a chance below 1 in 100, and the seeds stand
    assert np.mean(widths) < 0.95


def test_probabilities_that_say_nothing_do_no_harm():
    random = np.random.default_rng(3)
    labels, _ = world(3000, random)
    useless = random.dirichlet(np.ones(3), 3000)
    drawn = random.random(3000) < 0.1
    few = np.full(drawn.sum(), 0.1)
    both = prediction_powered_metric(labels[drawn], useless[drawn], few, useless)
    alone = estimate_from_sample(labels[drawn], useless[drawn], few)
    assert both.value == pytest.approx(alone.value, abs=0.03)
    assert both.high - both.low < 1.15 * (alone.high - alone.low)


def test_accuracy_is_a_figure_as_well():
    random = np.random.default_rng(4)
    labels, proba = world(5000, random)
    right = float((proba.argmax(axis=1) == labels).mean())
    drawn = random.random(5000) < 0.1
    found = prediction_powered_metric(labels[drawn], proba[drawn], np.full(drawn.sum(), 0.1), proba, metric="accuracy")
    assert found.low < right < found.high
    assert found.rows == drawn.sum()
