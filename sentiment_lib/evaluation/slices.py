"""Slices: named subsets of the holdout by airline, negation, emoji, length, rare words and language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.text.tokens import words

Mask = NDArray[np.bool_]

#: A tweet with fewer words is "short".
SHORT_WORDS = 6
#: A tweet is in "rare words" when at least this share of its words occurs in fewer than RARE_BELOW training tweets.
RARE_SHARE, RARE_BELOW = 0.25, 3
NEGATION = re.compile(
    r"\b(?:no|not|never|none|nobody|nothing|nowhere|neither|nor|without|cannot|\w+n['’]t|(?:do|does|did|is|was|are|were"
    r"|has|have|had|could|should|would|ca|wo)nt)\b",
    re.IGNORECASE,
)
EMOJI = re.compile("[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]|(?<!\\w)[:;=8][-o^']?[)(\\]\\[dDpP/\\\\|]")


def document_frequencies(texts: Iterable[str]) -> Counter[str]:
    """Word -> number of texts that contain it; computed on the training rows for the slice "rare words"."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(set(words(text)))
    return counts


def slice_masks(
    texts: Sequence[str],
    *,
    airlines: Sequence[str | None] | None = None,
    languages: Sequence[str | None] | None = None,
    train_counts: Counter[str] | None = None,
) -> dict[str, Mask]:
    """Name -> mask (n,) of the texts (n,); empty slices are left out.

    airlines, languages: (n,), None where unknown; train_counts: `document_frequencies` of the training rows.
    """
    masks = {
        "negation": _mask(bool(NEGATION.search(text)) for text in texts),
        "emoji": _mask(bool(EMOJI.search(text)) for text in texts),
        "short": _mask(len(words(text)) < SHORT_WORDS for text in texts),
    }
    if train_counts is not None:
        masks["rare words"] = _mask(_has_rare_words(text, train_counts) for text in texts)
    for kind, values in (("airline", airlines), ("language", languages)):
        for value in sorted({value for value in values or () if value}):
            masks[f"{kind} {value}"] = _mask(item == value for item in values or ())
    return {name: mask for name, mask in masks.items() if mask.any()}


def _has_rare_words(text: str, counts: Counter[str]) -> bool:
    present = words(text)
    return bool(present) and sum(counts[word] < RARE_BELOW for word in present) >= RARE_SHARE * len(present)


def _mask(values: Iterable[bool]) -> Mask:
    return np.fromiter(values, dtype=np.bool_)
