import numpy as np

from sentiment_lib.drift.continuous_monitor import MonitoredWindow, monitor_scores, monitor_windows


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


def signals(predictions, tweets):
    """Tests of one window."""
    return [
        {"signal": "confidence", "p_value": 1.0, "p_sampling": 10.0**-predictions},
        {"signal": "length", "p_value": 1.0, "p_sampling": 10.0**-tweets},
    ]


def test_evidence_about_the_tweets_survives_a_change_of_champion_and_that_of_predictions_starts_anew():
    random = np.random.default_rng(6)
    calm = [MonitoredWindow(version=1, signals=signals(*random.exponential(0.5, 2))) for _ in range(60)]
    # the tweets change with the third window of the new champion
    new = [MonitoredWindow(version=2, signals=signals(*random.exponential(0.5, 2))) for _ in range(3)]
    changed = random.uniform(6, 7, 12)
    new += [MonitoredWindow(version=2, signals=signals(random.exponential(0.5), score)) for score in changed]

    def alarms(windows):
        return any(
            monitor_windows(windows[:end], version=2, run_length=500).alarm for end in range(1, len(windows) + 1)
        )

    assert alarms([*calm, *new])
    assert not alarms(new)
    fresh = monitor_windows([*calm, *new[:1]], version=2, run_length=500)
    assert (len(fresh.tweets.scores), len(fresh.predictions.scores)) == (61, 1)
