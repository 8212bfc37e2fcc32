"""Verdicts keep their false-alarm rate, do not depend on volume, and say what moved."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sentiment_lib.drift import detectors, drivers
from sentiment_lib.drift.between_days import PastWindow, collect_histories
from sentiment_lib.policy import DriftPolicy

POLICY = DriftPolicy(sample_rows=600)
WORDS = [f"word{chr(97 + i)}{chr(97 + j)}" for i in range(12) for j in range(12)]


def tweets(rows, seed, *, negative=0.4, add=None, share=0.0, repeat=0.0):
    """Scored tweets of random words; `add` goes into a share of them, `repeat` of them are one campaign."""
    random = np.random.default_rng(seed)
    p = random.beta(2, 3, rows) if negative == 0.4 else random.beta(4, 2, rows)
    text = [" ".join(random.choice(WORDS, 8)) for _ in range(rows)]
    if add:
        text = [f"{one} {add}" if random.random() < share else one for one in text]
    text = [f"Win a free flight now {random.integers(1000)}" if random.random() < repeat else one for one in text]
    return pd.DataFrame(
        {
            "tweet_id": np.arange(rows),
            "text": text,
            "p_negative": p,
            "p_neutral": (1 - p) / 2,
            "p_positive": (1 - p) / 2,
            "predicted_label": np.where(p > 0.34, "negative", "neutral"),
            "airline": random.choice(["United", "Delta"], rows),
        }
    )


def test_few_rows_are_a_verdict_of_their_own():
    assert detectors.check_windows(tweets(900, 1), tweets(100, 2), POLICY).verdict == "too_few"
    assert detectors.check_windows(tweets(100, 1), tweets(900, 2), POLICY).verdict == "too_few"


def test_undisturbed_windows_alarm_no_more_often_than_stated():
    reference = tweets(2000, 0)
    alarms = [detectors.check_windows(reference, tweets(300, seed), POLICY).verdict == "drift" for seed in range(1, 61)]
    # 5 % of 60 is 3; 8 or more have a chance under 1 %
    assert sum(alarms) < 8


def test_the_same_windows_give_the_same_verdict_figures_and_order():
    pair = tweets(900, 1), tweets(900, 2, negative=0.7)
    assert detectors.check_windows(*pair, POLICY) == detectors.check_windows(*pair, POLICY)


def test_a_change_of_the_predictions_is_drift_at_any_volume():
    for rows in (300, 20_000):
        verdict = detectors.check_windows(tweets(2000, 1), tweets(rows, 2, negative=0.7), POLICY)
        assert verdict.verdict == "drift"
        assert "p_negative" in {one.signal for one in verdict.drifted}


def test_a_new_word_is_drift_and_is_named():
    current = tweets(900, 2, add="yeetcore", share=0.1)
    verdict = detectors.check_windows(tweets(2000, 1), current, POLICY)
    assert "words" in {one.signal for one in verdict.drifted}
    found = drivers.find_drivers(tweets(900, 1), current)
    assert found["words"][0]["word"] == "yeetcore"
    assert all("yeetcore" in one["words"] for one in found["examples"])


def test_a_campaign_of_near_duplicates_is_drift():
    verdict = detectors.check_windows(tweets(2000, 1), tweets(900, 2, repeat=0.1), POLICY)
    assert "repeats" in {one.signal for one in verdict.drifted}


def test_wrong_answers_are_a_signal_when_people_labelled_enough():
    reference, current = tweets(2000, 1), tweets(900, 2)
    reference["true_label"] = reference["predicted_label"].where(reference.index % 5 == 0, None)
    current["true_label"] = np.where(
        current.index % 5 == 0, np.where(current["predicted_label"] == "negative", "positive", "neutral"), None
    )
    verdict = detectors.check_windows(reference, current, POLICY)
    assert [one.signal for one in verdict.drifted] == ["wrong"]


def test_a_history_of_restless_days_raises_the_p_value_and_a_quiet_one_does_not():
    restless = [[{"signal": "p_negative", "effect": 0.5, "p_value": p}] for p in (1e-20, 1e-90, 1e-12, 1e-99, 1e-60)]
    quiet = [[{"signal": "p_negative", "effect": 0.02, "p_value": p}] for p in (0.9, 0.3, 0.5, 0.1, 0.7)]
    windows = tweets(2000, 1), tweets(900, 2, negative=0.7)
    found = []
    for past in ([], quiet, restless):
        history = collect_histories(PastWindow(signals=tuple(signals)) for signals in past)
        verdict = detectors.check_windows(*windows, POLICY, history=history)
        found.append(next(one for one in verdict.signals if one.signal == "p_negative"))
    plain, calm, used_to_it = found
    assert plain.p_sampling == calm.p_sampling == used_to_it.p_sampling < calm.p_value
    assert calm.drifted
    assert used_to_it.p_value > 0.05
    assert not used_to_it.drifted


def test_what_was_harmless_is_a_floor_for_the_signals_that_had_drifted():
    signals = tuple(
        {"signal": name, "effect": 0.9, "p_value": 0.5, "drifted": name == "p_negative"}
        for name in ("p_negative", "p_neutral")
    )
    history = collect_histories([PastWindow(signals=signals, harmless=True), PastWindow(signals=signals)])
    assert (history.floor("p_negative", 0.05), history.floor("p_neutral", 0.05)) == (0.9, 0.05)
    verdict = detectors.check_windows(tweets(2000, 1), tweets(900, 2, negative=0.7), POLICY, history=history)
    assert {"p_neutral"} <= {one.signal for one in verdict.drifted}
    assert "p_negative" not in {one.signal for one in verdict.drifted}


def test_signals_of_predictions_may_have_a_reference_of_their_own():
    reference, scored = tweets(2000, 1, negative=0.7), tweets(2000, 3)
    verdict = detectors.check_windows(
        reference, tweets(900, 2), POLICY, extra=detectors.ExtraInputs(scored_reference=scored)
    )
    assert verdict.verdict == "stable"
    assert detectors.check_windows(reference, tweets(900, 2), POLICY).verdict == "drift"
