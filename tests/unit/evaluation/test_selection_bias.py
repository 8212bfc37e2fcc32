from types import SimpleNamespace

import numpy as np
import pytest

from sentiment_lib.evaluation.aims import Aim
from sentiment_lib.evaluation.selection_bias import corrected_gain

ROWS, DEVIATION = 500, 0.305
ERROR = DEVIATION / ROWS**0.5


def compared(difference, level=0.0057):
    main = SimpleNamespace(row_deviation=DEVIATION, difference=difference)
    return SimpleNamespace(main=main, rows=ROWS, level=level)


@pytest.mark.parametrize(("true", "level", "z"), [(0.01, 0.05, 1.645), (0.01, 0.0057, 2.53), (0.02, 0.0057, 2.53)])
def test_the_best_of_five_is_shown_at_about_its_true_gain_and_its_interval_holds(true, level, z):
    rng, found, held, naive = np.random.default_rng(1), [], [], []
    while len(found) < 400:
        passed = np.sort(rng.normal(true, ERROR, size=5))
        passed = passed[passed >= z * ERROR]
        if passed.size:
            gain = corrected_gain(compared(passed[-1], level), aim=None, rivals=passed[:-1].tolist())
            found.append(gain.estimate)
            held.append(gain.low <= true <= gain.high)
            naive.append(passed[-1])
    assert np.mean(naive) > true + 0.015
    assert abs(np.median(found) - true) < 0.004
    assert 0.92 <= np.mean(held) <= 0.98


def test_a_gain_far_beyond_the_threshold_and_its_rivals_stays_as_it_is():
    gain = corrected_gain(compared(0.2), aim=None, rivals=[0.02])
    assert gain.estimate == pytest.approx(0.2, abs=1e-6)
    assert (gain.low, gain.high) == pytest.approx((0.2 - 1.96 * ERROR, 0.2 + 1.96 * ERROR), abs=2e-4)


def test_a_refresh_has_a_lower_threshold_and_is_corrected_less():
    refresh = corrected_gain(compared(0.036), aim=Aim(kind="refresh", margin=0.01))
    assert corrected_gain(compared(0.036), aim=None).estimate < refresh.estimate < 0.036
