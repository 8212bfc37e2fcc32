"""The one function between stored text and every model: training, batch scoring and the API share it.

Its version is recorded with each model. A change of what it returns is a new version.
"""

from __future__ import annotations

import html
import re
import unicodedata

from sentiment_lib.text.privacy import mask

NORMALISER_VERSION = "1"

#: Longer texts are cut: no tweet is longer, and the time a model takes stays bounded.
MAXIMUM_CHARACTERS = 4000

#: Characters without a meaning of their own. Halves of characters are among them: no tokenizer takes them. No stored
#: tweet holds one (PostgreSQL keeps UTF-8 alone), so they came in without a new version.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")
_SPACE = re.compile(r"\s+")
ELONGATED = re.compile(r"(\w)\1{3,}")


def normalise(text: str) -> str:
    """Masked, NFC, HTML entities undone, control and direction characters removed, "soooooo" as "sooo", one space.

    Idempotent for texts without nested entities. Never fails, and always gives what UTF-8 can write; an empty text
    stays empty.
    """
    text = text[:MAXIMUM_CHARACTERS]
    if "&" in text:
        text = html.unescape(text)
    text = unicodedata.normalize("NFC", text)
    text = CONTROL.sub(" ", text)
    text = ELONGATED.sub(r"\1\1\1", text)
    return _SPACE.sub(" ", mask(text)).strip()
