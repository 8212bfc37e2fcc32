"""The latency that the gate judges is that of the model, not of a busy machine."""

from __future__ import annotations

import time
from collections import Counter

from sentiment_lib.steps.training.cost import single_latencies


class Model:
    """Answers at once but for the given calls of a text, which take 40 ms."""

    def __init__(self, slow):
        self.slow, self.calls = slow, Counter()

    def predict_proba(self, texts):
        (text,) = texts
        self.calls[text] += 1
        if self.slow(text, self.calls[text]):
            time.sleep(0.04)


def test_answers_that_were_slow_once_are_measured_again():
    texts = [f"tweet {number}" for number in range(50)]
    disturbed = single_latencies(Model(lambda text, call: text in texts[:3] and call == 1), texts)
    assert max(disturbed) < 40
    slow = single_latencies(Model(lambda text, _: text in texts[:3]), texts)
    assert all(spent >= 40 for spent in slow[:3])
