"""HTML entities, also those that were escaped twice (&amp;lt;)."""

from __future__ import annotations

import html

#: Texts that were escaped more often are left as they are.
MAX_ROUNDS = 3


def decode(text: str) -> str:
    """The text without HTML entities."""
    for _ in range(MAX_ROUNDS):
        if "&" not in text or (decoded := html.unescape(text)) == text:
            break
        text = decoded
    return text
