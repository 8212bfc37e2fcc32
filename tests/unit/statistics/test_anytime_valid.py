import numpy as np
import pytest

from sentiment_lib.statistics.anytime_valid import (
    STAKES,
    EDetector,
    confidence_sequence,
    e_detector_path,
    log_evidence_path,
)


def first_crossing(values, level):
    """Number of values after which the evidence first reaches 1 / level; None when it never does."""
    reached = np.flatnonzero(log_evidence_path(values) >= -np.log(level))
    return int(reached[0]) + 1 if reached.size else None


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
        log_evidence_path(np.array([1.5]))


def test_an_e_detector_adds_one_and_multiplies_by_each_e_value_and_alarms_at_its_run_length():
    state = EDetector(run_length=3)
    assert (state.statistic, state.alarm) == (0.0, False)
    state = state.update(np.array([1.0, 2.0]))
    assert state.by_bet == (1.0, 2.0)
    state = state.update(np.array([0.5, 2.0]))
    assert state.by_bet == (1.0, 6.0)
    assert (state.statistic, state.alarm) == (3.5, True)
    assert state.restart() == EDetector(run_length=3)


def test_an_e_detector_waits_its_run_length_for_a_false_alarm_on_average():
    waits = []
    for number in range(200):
        rng, state, waited = np.random.default_rng(number), EDetector(run_length=50), 0
        while not state.alarm and waited < 500:
            state, waited = state.update(rng.choice([0.6, 1.4], size=1)), waited + 1
        waits.append(waited)
    assert np.mean(waits) > 50


@pytest.mark.parametrize("count", [0, 1, 300])
def test_the_path_of_a_detector_is_that_of_its_updates(count):
    values = 1 + np.multiply.outer(np.random.default_rng(count).uniform(-1, 1, size=count), STAKES)
    detector, path = EDetector(run_length=100), []
    for observation in values:
        detector = detector.update(observation)
        path.append(detector.statistic)
    assert e_detector_path(values).tolist() == path
