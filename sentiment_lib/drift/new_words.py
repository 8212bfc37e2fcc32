"""Test for new words shared by several tweets: slang, a slogan, the name of an incident.

Each such word is too rare for a test of its own in a small window, so they are tested together. Words that occur in a
single tweet are mostly typos and names and do not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from sentiment_lib.statistics.two_sample_tests import TAIL_REACHED, permutation_p_value

#: Resampled windows that give the null distribution, at most: they end when TAIL_REACHED of them reach the observed one
#: (Besag, Clifford 1991, "Sequential Monte Carlo p-values", Biometrika 78 (2)), which saves most of the work.
ROUNDS = 999
#: Windows that are resampled at once.
BLOCK = 50


@dataclass(frozen=True, kw_only=True)
class NewWords:
    """Result of the test."""

    #: share of the current tweets that contain a new word shared with another current tweet
    share: float
    p_value: float
    #: the most frequent new word and its share of the current tweets; None without one
    word: str | None
    word_share: float


def find_new_words(reference: Sequence[set[str]], current: Sequence[set[str]], *, seed: int) -> NewWords:
    """Compare the current tweets (sets of words) with samples of the same size from the reference.

    The test statistic is the number of pairs of tweets that share a new word. A word is new to a sample of the
    reference when no reference tweet outside the sample contains it; those are fewer tweets than the current ones are
    compared with, so the test is conservative. At most a third as many current tweets as reference tweets are used.
    """
    many = len(reference)
    rows = min(len(current), many // 3)
    current = current[:rows]
    before = Counter(word for words in reference for word in words)
    now = Counter(word for words in current for word in words if word not in before)
    shared = {word: count for word, count in now.items() if count > 1}
    observed = sum(count * (count - 1) // 2 for count in shared.values())
    columns = {word: column for column, word in enumerate(word for word, count in before.items() if count > 1)}
    indices = [[columns[word] for word in words if word in columns] for words in reference]
    table = sparse.csr_array(
        (
            np.ones(sum(map(len, indices)), dtype=np.int32),
            np.array([column for row in indices for column in row], dtype=np.int32),
            np.cumsum([0, *map(len, indices)]),
        ),
        shape=(many, len(columns)),
    )
    totals = np.array([before[word] for word in columns])
    random = np.random.default_rng(seed)
    permuted = np.zeros(ROUNDS)
    for first in range(0, ROUNDS, BLOCK):
        block = min(BLOCK, ROUNDS - first)
        chosen = [random.choice(many, rows, replace=False) for _ in range(block)]
        selector = sparse.csr_array(
            (np.ones(block * rows, dtype=np.int32), np.concatenate(chosen), rows * np.arange(block + 1)),
            shape=(block, many),
        )
        counts = (selector @ table).toarray()
        exclusive = np.where(counts == totals, counts, 0)
        permuted[first : first + block] = (exclusive * (exclusive - 1) // 2).sum(axis=1)
        if (permuted[: first + block] >= observed).sum() >= TAIL_REACHED:
            permuted = permuted[: first + block]
            break
    top = max(sorted(shared), key=lambda word: shared[word]) if shared else None
    return NewWords(
        share=sum(not words.isdisjoint(shared) for words in current) / max(rows, 1),
        p_value=permutation_p_value(observed, permuted),
        word=top,
        word_share=shared[top] / rows if top else 0.0,
    )
