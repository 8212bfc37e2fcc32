"""Word splitting, in two granularities: tokens for features, words for counts.

`tokenize` is what bag-of-words models, fastText and word vectors are trained on; a change invalidates their packages.
`words` is what drift signals and evaluation slices count.
"""

from __future__ import annotations

import re

#: scikit-learn's default pattern drops one-letter words and emoji; both carry sentiment.
FEATURE_PATTERN = r"(?u)@?\w+(?:'\w+)?|[^\w\s]"

_TOKEN = re.compile(FEATURE_PATTERN)
_WORD = re.compile(r"[^\W\d_][\w'’]*")


def tokenize(text: str) -> list[str]:
    """Lower-case words, numbers, @handles, emoji and punctuation marks, in order."""
    return _TOKEN.findall(text.lower())


def words(text: str) -> list[str]:
    """Lower-case words that begin with a letter, in order; numbers and punctuation are left out, #tags keep their word.

    Contractions are one word, with ' as well as with ’.
    """
    return [word.lower() for word in _WORD.findall(text)]
