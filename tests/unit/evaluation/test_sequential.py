import numpy as np
import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation.metric_influence import expected_gains, gain_uncertainty, gains, worth
from sentiment_lib.evaluation.promotion_watch import watch
from sentiment_lib.policy import PromotionWatchPolicy
from sentiment_lib.statistics.anytime_valid import EProcess, confidence_sequence, first_crossing, log_evidence_path
from sentiment_lib.statistics.label_efficient import accuracy, chances, negative_f1, prediction_powered
from sentiment_lib.statistics.metrics import confusion_matrix, figures

POLICY = PromotionWatchPolicy()


def fair(rng, rows):
    return rng.choice([-1.0, 0.0, 1.0], size=rows, p=[0.08, 0.84, 0.08])


def test_an_e_process_that_is_looked_at_after_every_value_is_seldom_fooled():
    fooled = sum(first_crossing(fair(np.random.default_rng(n), 2000), 0.05) is not None for n in range(300))
    assert fooled / 300 <= 0.07


def test_a_real_gain_is_found_and_a_larger_one_sooner():
    def found(chance):
        rng = np.random.default_rng(4)
        values = [rng.choice([-1.0, 0.0, 1.0], size=6000, p=[0.06, 0.94 - chance, chance]) for _ in range(20)]
        return np.median([first_crossing(v, 0.05) for v in values])

    assert found(0.16) < found(0.10) < 3000


def test_values_in_parts_are_the_same_evidence_as_all_at_once():
    values = fair(np.random.default_rng(1), 300)
    at_once = EProcess().after(values)
    in_parts = EProcess().after(values[:100]).after(values[100:])
    assert in_parts.log_evidence == pytest.approx(at_once.log_evidence)
    assert log_evidence_path(values)[-1] == pytest.approx(at_once.log_evidence)


def test_a_confidence_sequence_holds_the_mean_at_all_times_at_once():
    missed = 0
    for number in range(200):
        values = np.random.default_rng(number).choice([-1.0, 0.0, 1.0], size=1000, p=[0.1, 0.7, 0.2])
        low, high = confidence_sequence(values, 0.05)
        missed += bool(((low > 0.1) | (high < 0.1)).any())
    assert missed / 200 <= 0.05
    assert high[-1] - low[-1] < 0.2


def test_values_beyond_one_are_refused():
    with pytest.raises(ValueError, match="must lie"):
        EProcess().after(np.array([1.5]))


def test_a_worse_champion_is_found_and_an_equal_one_is_let_be(dice):
    worse = equal = 0
    for number in range(40):
        labels, good, same, bad = dice(2000, 0.8, 0.8, 0.7, seed=[3, number])
        old, copy, new = (model.argmax(axis=1) for model in (good, same, bad))
        reference = confusion_matrix(labels, old)
        worse += watch(labels, old, new, reference=reference, policy=POLICY).verdict == "worse"
        equal += watch(labels, old, copy, reference=reference, policy=POLICY).verdict == "worse"
    assert worse == 40
    assert equal <= 5


def test_a_watch_waits_for_its_fewest_labels_and_settles_at_the_end(dice):
    labels, good, bad = dice(2000, 1.0, 0.0)
    old, new = good.argmax(axis=1), bad.argmax(axis=1)
    reference = confusion_matrix(*[dice(500, 0.8, seed=1)[0]] * 2) + 20

    def verdict(rows, other=new):
        return watch(labels[:rows], old[:rows], other[:rows], reference=reference, policy=POLICY)

    assert verdict(0).verdict == "watching"
    assert verdict(POLICY.minimum_labels - 1).verdict == "watching"
    assert verdict(POLICY.minimum_labels).verdict == "worse"
    assert verdict(2000, other=old).verdict == "settled"
    assert verdict(2000).crossed_after == POLICY.minimum_labels


def test_a_watch_undoes_unequal_chances_of_being_drawn(dice):
    labels, good, bad = dice(60_000, 0.8, 0.8)
    old, new = good.argmax(axis=1), bad.argmax(axis=1)
    # rows on which the new champion is wrong are drawn ten times as often
    chance = np.where(new != labels, 0.5, 0.05)
    drawn = np.random.default_rng(2).random(60_000) < chance
    rows = np.flatnonzero(drawn)[:1500]
    reference = confusion_matrix(labels, old)
    given = {"reference": reference, "policy": POLICY}
    assert watch(labels[rows], old[rows], new[rows], **given).verdict == "worse"
    fair_verdict = watch(labels[rows], old[rows], new[rows], inclusion=list(chance[rows]), **given)
    assert fair_verdict.verdict == "watching"
    assert abs(fair_verdict.loss) < 0.04


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
        found = prediction_powered(values, predicted, labelled, np.full(values.size, 0.1))
        held += found.low <= 0.45 <= found.high
        narrower += (found.high - found.low) < 0.85 * (found.plain_high - found.plain_low)
    assert held / 200 > 0.9
    assert narrower == 200


def test_useless_predictions_are_not_trusted():
    rng, _, values = simulated(1)
    labelled = rng.random(values.size) < 0.2
    found = prediction_powered(values, rng.random(values.size), labelled, np.full(values.size, 0.2))
    assert found.trust < 0.1
    assert found.estimate == pytest.approx(found.plain_estimate, abs=0.01)


def test_actively_picked_labels_do_not_bias_the_estimate():
    wrong = []
    for number in range(200):
        rng, predicted, values = simulated(number)
        chance = chances(np.sqrt(predicted * (1 - predicted)), 300)
        labelled = rng.random(values.size) < chance
        wrong.append(prediction_powered(values, predicted, labelled, chance).estimate - 0.45)
    assert abs(np.mean(wrong)) < 3 * np.std(wrong) / np.sqrt(200)


def test_gains_are_estimated_from_labels_picked_where_two_models_disagree(dice):
    wrong = saved = 0
    for number in range(200):
        labels, one, other = dice(8000, 0.75, 0.75, seed=[9, number])
        old, new = one.argmax(axis=1), other.argmax(axis=1)
        worths = worth(confusion_matrix(labels, old), "negative_f1")
        belief, gain = (one + other) / 2, gains(labels, old, new, worths)
        picked = chances(gain_uncertainty(belief, old, new, worths), 100)
        labelled = np.random.default_rng(number).random(8000) < picked
        expected = expected_gains(belief, old, new, worths)
        found = prediction_powered(gain, expected, labelled, picked, level=0.1, centre=0)
        wrong += found.low > gain.mean()
        even = gain.std() / np.sqrt(labelled.sum())
        saved += found.standard_error < 0.85 * even
    assert wrong / 200 < 0.1
    assert saved > 180


def test_the_chances_spend_about_the_labels_asked_for_and_are_never_zero():
    found = chances(np.r_[np.zeros(900), np.ones(100)], 50)
    assert found.sum() == pytest.approx(50, rel=0.01)
    assert found.min() > 0


def test_accuracy_of_a_model_is_estimated_from_a_few_labels(dice):
    labels, proba = dice(5000, 0.7)
    labelled = np.random.default_rng(1).random(5000) < 0.1
    truth = (proba.argmax(axis=1) == labels).mean()
    found = accuracy(proba, np.where(labelled, labels, 0), labelled, np.full(5000, 0.1))
    assert found.low < truth < found.high


def test_negative_f1_of_a_model_is_estimated_without_bias_and_its_bounds_hold_it(dice):
    labels, proba = dice(5000, 0.7)
    truth = figures(labels, proba)["negative_f1"]
    found = []
    for number in range(150):
        labelled = np.random.default_rng(number).random(5000) < 0.08
        found.append(negative_f1(proba, np.where(labelled, labels, 0), labelled, np.full(5000, 0.08)))
    assert np.mean([one.estimate for one in found]) == pytest.approx(truth, abs=0.006)
    assert np.mean([one.low < truth < one.high for one in found]) > 0.9


def test_an_estimate_without_labels_or_chances_is_refused():
    nothing = np.zeros(10)
    with pytest.raises(BadInput, match="0 labelled rows"):
        prediction_powered(nothing, nothing, np.zeros(10, dtype=bool), np.ones(10))
    with pytest.raises(BadInput, match="chance"):
        prediction_powered(nothing, nothing, np.ones(10, dtype=bool), nothing)
