import numpy as np
import pytest

from sentiment_lib.statistics.two_sample_tests import chi_square_test, holm, mmd_test


def test_shifted_vectors_are_found_and_equal_ones_are_not():
    random = np.random.default_rng(3)
    left = random.normal(size=(300, 16))
    assert mmd_test(left, random.normal(size=(300, 16)), seed=1)[1] > 0.01
    assert mmd_test(left, random.normal(0.4, 1, size=(300, 16)), seed=1)[1] <= 0.002


def test_one_new_category_in_nine_hundred_rows_is_no_drift():
    effect, p_value = chi_square_test(["a", "b"] * 450, ["a", "b"] * 449 + ["a", "new"])
    assert p_value > 0.5
    assert effect < 0.01


def test_holm_is_monotone_and_never_below_the_raw_value():
    raw = [0.001, 0.04, 0.03, 0.5]
    adjusted = holm(raw)
    assert adjusted[0] == pytest.approx(0.004)
    assert all(a >= p for a, p in zip(adjusted, raw, strict=True))
