"""Which texts can be tweets: length and encoding, the same for ingestion, the API and the Try page."""

from __future__ import annotations

import re

from sentiment_lib.text.entities import decode

#: X's longest posts have 25,000 characters and are articles, not tweets.
LONGEST_TEXT = 10_000
#: Half of a surrogate pair. Bytes that are not UTF-8 are decoded to these, so that they can be quarantined unchanged.
SURROGATE = re.compile(r"[\ud800-\udfff]")


def bad_text(text: str | None) -> str | None:
    """Why `text` cannot be a tweet, or None when it can."""
    if text is None or not text.strip() or ("&" in text and not decode(text).strip()):
        return "the text is empty"
    if len(text) > LONGEST_TEXT:
        return f"the text has {len(text)} characters, more than {LONGEST_TEXT}"
    if "\x00" in text:
        return "the text holds a NUL byte"
    if not text.isascii() and SURROGATE.search(text):
        return "the text is not UTF-8"
    return None
