"""What a checkpoint wants done to a text after the one normaliser."""

from __future__ import annotations

import itertools
import unicodedata

from sentiment_lib.text.normalise import normalise

#: Join emoji, choose their form and skin: they have no name worth reading.
_SILENT = {"\u200d", "\ufe0e", "\ufe0f", "\u20e3", *map(chr, range(0x1F3FB, 0x1F400))}


def prepared(text: str, way: str) -> str:
    """The normalised text, "plain"; with symbols as words for way "named"; as TweetEval has it for way "user_http".

    BERT's vocabulary has no emoji: all of them, and rows of them, are the one unknown word to it. TweetEval (Barbieri
    et al., Findings of EMNLP 2020) gave twitter-roberta-base every mention as "@user" and every link as "http".
    """
    text = normalise(text)
    if way == "named":
        return with_names(text)
    if way == "user_http":
        return " ".join(_masked(word) for word in text.split(" "))
    return text


def with_names(text: str) -> str:
    """Each symbol beyond ASCII by its Unicode name; the same one in a row is named once."""
    if text.isascii():
        return text
    heard = (letter for letter in text if letter not in _SILENT)
    named = "".join(
        f" {unicodedata.name(letter, '').lower()} " if unicodedata.category(letter) == "So" else letter * len(list(run))
        for letter, run in itertools.groupby(heard)
    )
    return " ".join(named.split())


def _masked(word: str) -> str:
    if word.startswith("@") and len(word) > 1:
        return "@user"
    return "http" if word.startswith("http") else word
