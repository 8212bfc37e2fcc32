import numpy as np

from sentiment_lib.drift.continuous_monitor import monitor_scores


def test_continuous_monitoring_rarely_alarms_within_its_run_length():
    alarms = sum(
        monitor_scores(np.random.default_rng(seed).normal(size=200), run_length=500, seed=seed).value >= 500
        or _ever(np.random.default_rng(seed).normal(size=200), seed)
        for seed in range(60)
    )
    # a mean run length of 500 or more: about one in three runs of 200 at the very most
    assert alarms <= 20


def test_continuous_monitoring_notices_a_change_that_stays():
    random = np.random.default_rng(4)
    assert _ever(np.concatenate([random.normal(size=60), random.normal(3, 1, 30)]), 1)


def _ever(scores, seed):
    state = monitor_scores([], run_length=500, seed=seed)
    for score in scores:
        state = state.update(float(score))
        if state.alarm:
            return True
    return False
