"""A constant share of copies is no news, a flood is."""

from __future__ import annotations

import numpy as np

from sentiment_lib.drift.copied_share import TextRuns, compare_copies

LETTERS = list("abcdefghijklmnopqrstuvwxyz")
TEXTS = ["".join(letters) for letters in np.random.default_rng(0).choice(LETTERS, (5_000, 24)).tolist()]


def run_of(random, *, rows=600, share=0.0, size=8):
    """Texts of a day: `share` of them in clusters of about `size` copies."""
    order = random.permutation(len(TEXTS))
    texts = [TEXTS[index] for index in order[:rows]]
    for number in range(random.poisson(rows * share / size)):
        for place in random.integers(0, rows, size):
            texts[place] = TEXTS[order[rows + number]]
    return texts


def alarms(seed, *, now, before, size=8, days=40):
    random = np.random.default_rng(seed)
    found = 0
    for _ in range(days):
        reference = [run_of(random, share=before, size=size) for _ in range(7)]
        copies = compare_copies(TextRuns(current=run_of(random, share=now, size=size), reference=reference))
        # as one of 24 signals, with the policy's smallest effect
        found += copies.p_value <= 0.05 / 24 and abs(copies.now - copies.before) >= 0.05
    return found


def test_a_constant_share_of_copies_raises_no_alarm_and_a_flood_does():
    assert alarms(1, before=0.1, now=0.1) <= 1
    assert alarms(2, before=0.1, now=0.1, size=25) <= 1
    assert alarms(3, before=0.0, now=0.0) == 0
    assert alarms(4, before=0.0, now=0.1) >= 32


def test_with_too_few_runs_nothing_is_compared():
    random = np.random.default_rng(1)
    assert compare_copies(TextRuns(current=run_of(random), reference=[run_of(random)] * 2)) is None
