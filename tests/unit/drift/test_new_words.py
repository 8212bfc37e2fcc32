"""Words that are new together are found before any one of them could be; names and typing errors are not."""

from __future__ import annotations

import numpy as np

from sentiment_lib.drift.new_words import find_new_words

SLANG = ("skibidi", "rizzless", "yeetcore", "delulu", "gyatt")


def bags(rows, seed, *, share=0.0):
    """Sets of ten words each: frequent ones, rare ones of a long tail, and slang in a share of them."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(rows):
        words = {f"word{n}" for n in random.zipf(1.3, 10)}
        if random.random() < share:
            words.add(str(random.choice(SLANG)))
        found.append(words)
    return found


def test_slang_that_no_single_word_shows_is_found_and_its_most_frequent_word_is_named():
    found = [find_new_words(bags(3000, 1), bags(200, seed, share=0.06), seed=3) for seed in range(10, 20)]
    assert sum(one.p_value <= 0.01 for one in found) >= 7
    surest = min(found, key=lambda one: one.p_value)
    assert surest.word in SLANG
    assert surest.share >= surest.word_share > 0


def test_without_new_words_it_is_as_quiet_as_stated():
    reference = bags(3000, 1)
    p_values = [find_new_words(reference, bags(200, seed), seed=3).p_value for seed in range(100, 160)]
    # 5 % of 60 is 3; 8 or more have a chance under 1 %
    assert sum(p <= 0.05 for p in p_values) < 8


def test_a_window_as_large_as_the_reference_is_looked_at_in_part():
    found = find_new_words(bags(600, 1), bags(600, 2, share=0.3), seed=3)
    assert found.p_value <= 0.01
    assert find_new_words(bags(600, 1), bags(600, 2), seed=3).p_value > 0.05
