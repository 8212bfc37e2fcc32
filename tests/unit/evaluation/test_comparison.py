import numpy as np
import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation.comparison import compare
from sentiment_lib.evaluation.sample_size import labels_needed
from sentiment_lib.evaluation.significance import bca_bounds, mcnemar, permutation_p_value
from sentiment_lib.hashing import canonical_json, hash_text
from sentiment_lib.policy import GatePolicy
from sentiment_lib.statistics import paired_counts

POLICY = GatePolicy(bootstrap_rounds=2000)


def test_the_same_rows_give_the_same_bytes_and_other_rows_do_not(dice):
    labels, champion, candidate = dice(500, 0.6, 0.7)
    mask = {"first half": np.arange(500) < 250}
    once, again = (
        canonical_json(compare(labels, champion, candidate, slices=mask, policy=POLICY).as_dict()) for _ in range(2)
    )
    other = canonical_json(compare(labels, candidate, champion, slices=mask, policy=POLICY).as_dict())
    assert hash_text(once) == hash_text(again) != hash_text(other)


def test_the_order_of_rows_changes_nothing(dice):
    labels, champion, candidate = dice(500, 0.6, 0.7)
    mixed = np.random.default_rng(3).permutation(500)
    plain = compare(labels, champion, candidate, policy=POLICY).as_dict()
    assert canonical_json(compare(labels[mixed], champion[mixed], candidate[mixed], policy=POLICY).as_dict()) == (
        canonical_json(plain)
    )


def test_a_bootstrap_over_counts_is_a_bootstrap_over_rows(dice):
    labels, champion, candidate = dice(400, 0.6, 0.7)
    old, new = champion.argmax(axis=1), candidate.argmax(axis=1)
    cube = paired_counts.count_pairs(labels, old, new)
    rng = np.random.default_rng(5)
    quick = paired_counts.difference(paired_counts.bootstrap_counts(cube, 3000, rng), "macro_f1")
    rows = rng.integers(400, size=(3000, 400))
    slow = [paired_counts.difference(paired_counts.count_pairs(labels[r], old[r], new[r]), "macro_f1") for r in rows]
    assert quick.mean() == pytest.approx(np.mean(slow), abs=0.003)
    assert quick.std() == pytest.approx(np.std(slow), rel=0.06)
    # and the jackknife's standard error is the same thing without any draw
    assert paired_counts.row_deviation(cube, "macro_f1") / 20 == pytest.approx(np.std(slow), rel=0.1)


def test_a_one_sided_bound_is_wrong_about_as_often_as_it_says():
    truth = np.random.default_rng(0).dirichlet(np.ones(27)).reshape(3, 3, 3)
    real = float(paired_counts.difference(truth, "negative_f1"))
    wrong_low = wrong_high = 0
    for repeat in range(400):
        rng = np.random.default_rng([1, repeat])
        cube = rng.multinomial(300, truth.reshape(-1)).reshape(3, 3, 3)
        observed = float(paired_counts.difference(cube, "negative_f1"))
        drawn = paired_counts.difference(paired_counts.bootstrap_counts(cube, 800, rng), "negative_f1")
        low, high = bca_bounds(observed, drawn, cube, "negative_f1", 0.05)
        wrong_low += low > real
        wrong_high += high < real
    assert 0.02 < wrong_low / 400 < 0.09
    assert 0.02 < wrong_high / 400 < 0.09


def test_the_swap_test_is_wrong_about_as_often_as_it_says(dice):
    wrong = 0
    for repeat in range(300):
        labels, one, other = dice(300, 0.7, 0.7, seed=repeat)
        cube = paired_counts.count_pairs(labels, one.argmax(axis=1), other.argmax(axis=1))
        wrong += permutation_p_value(cube, "negative_f1", rounds=400, rng=np.random.default_rng(repeat)) <= 0.05
    assert wrong / 300 < 0.09


def test_a_large_gain_has_a_far_smaller_p_value_than_the_rounds_could_count(dice):
    labels, champion, candidate = dice(2000, 0.5, 0.9)
    found = compare(labels, champion, candidate, policy=POLICY)
    assert found.main.p_value < 1e-12
    assert found.mcnemar["p_value"] < 1e-12


def test_mcnemar_looks_only_at_rows_that_one_model_got_right():
    labels = np.array([0] * 10 + [1] * 10)
    old = np.array([0] * 10 + [2] * 10)
    new = np.array([0] * 10 + [1] * 8 + [0] * 2)
    found = mcnemar(paired_counts.count_pairs(labels, old, new))
    assert (found["only_candidate_right"], found["only_champion_right"]) == (8, 0)
    assert found["p_value"] == pytest.approx(2 / 2**8)


def test_two_equal_predictions_differ_by_exactly_nothing(dice):
    labels, champion = dice(300, 0.7)
    found = compare(labels, champion, champion, policy=POLICY)
    assert (found.main.difference, found.main.low, found.main.high, found.main.p_value) == (0, 0, 0, 1)
    assert found.labels_needed["observed"] is None


def test_half_the_gain_needs_four_times_the_labels():
    assert labels_needed(0.01, 0.5, level=0.05) == pytest.approx(4 * labels_needed(0.02, 0.5, level=0.05), rel=0.01)


def test_the_labels_that_power_asks_for_find_the_gain_four_times_in_five():
    rng = np.random.default_rng(8)
    cube = np.zeros((3, 3, 3), dtype=np.int64)
    cube[0, 0, 0], cube[1, 1, 1], cube[0, 1, 0], cube[0, 0, 1], cube[1, 0, 1] = 500, 300, 80, 50, 40
    gain, spread = (
        float(paired_counts.difference(cube, "negative_f1")),
        paired_counts.row_deviation(cube, "negative_f1"),
    )
    rows = labels_needed(gain, spread, level=0.05)
    found = 0
    for _ in range(300):
        drawn = rng.multinomial(rows, cube.reshape(-1) / cube.sum()).reshape(3, 3, 3)
        found += permutation_p_value(drawn, "negative_f1", rounds=300, rng=rng) <= 0.05
    assert 0.7 < found / 300 < 0.9


def test_a_slice_with_few_rows_is_named_but_not_judged(dice):
    labels, champion, candidate = dice(500, 0.6, 0.7)
    masks = {"few": np.arange(500) < 30, "many": np.arange(500) >= 30}
    found = {part.name: part for part in compare(labels, champion, candidate, slices=masks, policy=POLICY).slices}
    assert found["few"].difference is None
    assert found["few"].rows == 30
    assert found["many"].difference is not None


def test_a_slice_of_another_length_is_refused(dice):
    labels, champion, candidate = dice(200, 0.6, 0.7)
    with pytest.raises(BadInput, match="slice wrong"):
        compare(labels, champion, candidate, slices={"wrong": np.ones(3, dtype=bool)}, policy=POLICY)


def test_canonical_json_has_one_form_for_one_value():
    assert canonical_json({"b": (1, 0.1 + 0.2), "a": -0.0}) == '{"a":0.0,"b":[1,0.3]}'
    with pytest.raises(ValueError, match="no canonical form"):
        canonical_json({"a": float("nan")})
    with pytest.raises(TypeError):
        canonical_json({"a": {1, 2}})
