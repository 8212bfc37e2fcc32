"""Made-up tweets whose label is decided by two of their words."""

from __future__ import annotations

import random

WORDS = {
    "negative": ["delayed", "lost", "rude", "terrible", "cancelled", "awful", "worst", "stranded"],
    "neutral": ["gate", "boarding", "boston", "schedule", "asking", "seat", "tomorrow", "number"],
    "positive": ["thanks", "great", "love", "good", "amazing", "smooth", "friendly", "wonderful"],
}
FILLER = ["@united", "the", "flight", "my", "bag", "a", "crew", "to", "from", "plane", "with", "and", "your"]


def made_up(rows: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Texts and labels."""
    draw = random.Random(seed)
    labels = [draw.choice(list(WORDS)) for _ in range(rows)]
    texts = [" ".join(draw.choices(FILLER, k=5) + draw.choices(WORDS[label], k=2)) for label in labels]
    return texts, labels


def vocabulary() -> list[str]:
    """Every word and sign that made-up tweets are written with."""
    spoken = {word.lstrip("@") for words in (FILLER, *WORDS.values()) for word in words}
    return sorted(spoken | {"@", "for", "hello", "user"})
