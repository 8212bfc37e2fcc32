"""Words that nobody used before and that several tweets share now: slang, a slogan, the name of an incident.

Each such word is too rare for a test of its own in a small window; together they show. Words that only one tweet has
are typing errors and names, of which every window is full.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

#: Windows that are drawn from the reference to learn how many shared words are new without drift.
ROUNDS = 999


@dataclass(frozen=True, kw_only=True)
class NewWords:
    """`share` of the current tweets that hold a new word which others of them hold too, and the most frequent one."""

    share: float
    p_value: float
    word: str | None
    word_share: float


def new_words(reference: Sequence[set[str]], current: Sequence[set[str]], *, seed: int) -> NewWords:
    """Compare the current tweets (sets of words) with as many of the reference, drawn again and again.

    The figure under test is the number of pairs of tweets that share a new word. What is new in a part of the
    reference is what none of its other tweets has; these are fewer than the current tweets are compared with, so the
    test errs on the quiet side. Of a window that is more than a third of the reference, only so many are looked at.
    """
    many = len(reference)
    rows = min(len(current), many // 3)
    current = current[:rows]
    before = Counter(word for one in reference for word in one)
    now = Counter(word for one in current for word in one if word not in before)
    shared = {word: count for word, count in now.items() if count > 1}
    observed = sum(count * (count - 1) // 2 for count in shared.values())
    names = {word: place for place, word in enumerate(word for word, count in before.items() if count > 1)}
    places = [[names[word] for word in one if word in names] for one in reference]
    table = sparse.csr_array(
        (
            np.ones(sum(map(len, places)), dtype=np.int32),
            np.array([place for one in places for place in one], dtype=np.int32),
            np.cumsum([0, *map(len, places)]),
        ),
        shape=(many, len(names)),
    )
    totals = np.array([before[word] for word in names])
    random, reached = np.random.default_rng(seed), 0
    for _ in range(ROUNDS):
        held = table[random.choice(many, rows, replace=False)].sum(axis=0)
        alone = held[held == totals]
        reached += int((alone * (alone - 1) // 2).sum()) >= observed
    top = max(sorted(shared), key=lambda word: shared[word]) if shared else None
    return NewWords(
        share=sum(not one.isdisjoint(shared) for one in current) / max(rows, 1),
        p_value=(1 + reached) / (1 + ROUNDS),
        word=top,
        word_share=shared[top] / rows if top else 0.0,
    )
