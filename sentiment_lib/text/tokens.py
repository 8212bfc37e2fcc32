"""How a text is cut into words: one pattern for every family that counts or looks up words."""

from __future__ import annotations

import re

#: Words of one letter and emoji count too: scikit-learn's own pattern drops both.
TOKENS = r"(?u)@?\w+(?:'\w+)?|[^\w\s]"

_TOKENS = re.compile(TOKENS)


def words(text: str) -> list[str]:
    """Lower-case words, @handles, emoji and signs, in order."""
    return _TOKENS.findall(text.lower())
