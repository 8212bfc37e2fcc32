"""Invented tweets that a small model learns within a second, and a gate that it passes."""

from __future__ import annotations

import random

from sentiment_lib.policy import GatePolicy

#: Words of each label that VADER's lexicon does not know, so that a trained model beats the first champion.
WORDS = {
    "negative": ["delayed", "tarmac", "rebooked", "hours", "misconnected", "queue", "standby", "luggage"],
    "neutral": ["gate", "boarding", "boston", "schedule", "asking", "seat", "tomorrow", "number"],
    "positive": ["upgraded", "legroom", "early", "spotless", "snacks", "captain", "swift", "kudos"],
}
FILLER = ["the", "flight", "my", "bag", "a", "crew", "to", "from", "plane", "with", "and", "your"]
#: A gate that a tiny model passes, on a busy machine too: what is tested or measured follows the decision.
EASY = GatePolicy(
    minimum_functionality=0,
    minimum_invariance=0,
    minimum_direction=0,
    maximum_calibration_error=1,
    collapse_ratio=0,
    maximum_leakage=1,
    maximum_label_shift=1,
    maximum_p99_ms=1e6,
    non_inferiority=1,
    refresh_guard_margin=1,
    slice_non_inferiority=1,
    bootstrap_rounds=200,
)


def invent(draw: random.Random, number: int) -> tuple[str, str]:
    """Label and text of tweet `number`."""
    label = draw.choices(list(WORDS), weights=[6, 3, 3])[0]
    words = draw.choices(WORDS[label], k=3) + draw.choices(FILLER, k=6) + [f"row{number}"]
    draw.shuffle(words)
    return label, " ".join(words)
