"""Preparation of normalised text for a particular checkpoint's vocabulary."""

from __future__ import annotations

import itertools
import unicodedata

from sentiment_lib.text.normalise import normalise

#: Joiners, variation selectors, keycaps and skin tones of emoji: their names carry no sentiment.
_MODIFIERS = {"\u200d", "\ufe0e", "\ufe0f", "\u20e3", *map(chr, range(0x1F3FB, 0x1F400))}


def prepare(text: str, preparation: str) -> str:
    """The normalised text, prepared in one of three ways.

    "plain" changes nothing more. "named" replaces symbols by their names: BERT's vocabulary has no emoji, so all of
    them would be the unknown token. "user_http" writes mentions as "@user" and links as "http", as TweetEval (Barbieri
    et al., Findings of EMNLP 2020) did for twitter-roberta-base.
    """
    text = normalise(text)
    if preparation == "named":
        return name_symbols(text)
    if preparation == "user_http":
        return " ".join(_mask(word) for word in text.split(" "))
    return text


def name_symbols(text: str) -> str:
    """The text with each non-ASCII symbol replaced by its Unicode name; a run of the same symbol is named once."""
    if text.isascii():
        return text
    characters = (character for character in text if character not in _MODIFIERS)
    named = "".join(
        f" {unicodedata.name(character, '').lower()} "
        if unicodedata.category(character) == "So"
        else character * len(list(run))
        for character, run in itertools.groupby(characters)
    )
    return " ".join(named.split())


def _mask(word: str) -> str:
    if word.startswith("@") and len(word) > 1:
        return "@user"
    return "http" if word.startswith("http") else word
