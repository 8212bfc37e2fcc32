"""Text normalisation between stored texts and every model: training, batch scoring and the API share it.

Its version is recorded with each model, which is always given text of the version that it was trained with. A change
of the output needs a new version; the previous one moves into a module of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from sentiment_lib.errors import BadInput
from sentiment_lib.text import normalise_1
from sentiment_lib.text.entities import decode
from sentiment_lib.text.privacy import mask_decoded

NORMALISER_VERSION = "2"

#: Longer texts are cut: no tweet is longer, and the time a model takes stays bounded.
MAXIMUM_CHARACTERS = 4000

#: Control characters, and halves of characters, which no tokenizer takes.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
#: Soft hyphen, zero-width space, word joiner, byte order mark, directions: they have no width, so no word ends there.
INVISIBLE = re.compile(r"[\u00ad\u034f\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
#: Zero-width joiners belong to emoji and some scripts, but to no word in Latin letters.
_JOINER = re.compile(r"(?<=[A-Za-z'])[\u200c\u200d](?=[A-Za-z'])")
#: Apostrophes as phones and word processors write them.
APOSTROPHES = str.maketrans(dict.fromkeys("\u2019\u02bc\uff07", "'"))
#: Accents and opening quotation marks that are used as apostrophes inside a word.
MISUSED = re.compile(r"(?<=[^\W\d_])[\u2018\u201b\u2032\u00b4`](?=[^\W\d_])")
ELONGATED = re.compile(r"(\w)\1{3,}")
_SPACE = re.compile(r"\s+")

_version: ContextVar[str] = ContextVar("normaliser", default=NORMALISER_VERSION)


def normalise(text: str) -> str:
    """Masked, NFC, HTML entities decoded, apostrophes as ', no invisible characters, "soooooo" as "sooo", one space.

    Idempotent for texts whose entities were escaped up to three times. Never fails, and its result can be written as
    UTF-8. Inside `normaliser`, the result is that of another version.
    """
    return VERSIONS[_version.get()](text)


def normalise_2(text: str) -> str:
    """Version 2."""
    text = unicodedata.normalize("NFC", decode(text[:MAXIMUM_CHARACTERS]))
    if not text.isascii():
        text = remove_invisible(text)
    text = CONTROL.sub(" ", straighten_apostrophes(text))
    text = ELONGATED.sub(r"\1\1\1", text)
    return _SPACE.sub(" ", mask_decoded(text)).strip()


def remove_invisible(text: str) -> str:
    """Remove characters that have no width; joiners stay in emoji and in scripts that need them."""
    return _JOINER.sub("", INVISIBLE.sub("", text))


def straighten_apostrophes(text: str) -> str:
    """Replace every apostrophe by '."""
    return MISUSED.sub("'", text if text.isascii() else text.translate(APOSTROPHES))


#: Versions that models may have been trained with.
VERSIONS: Mapping[str, Callable[[str], str]] = {"1": normalise_1.normalise, "2": normalise_2}


def active_version() -> str:
    """The version that `normalise` uses in this context."""
    return _version.get()


@contextmanager
def normaliser(version: str) -> Iterator[None]:
    """Inside the block, texts are normalised by this version. Raises BadInput for an unknown one."""
    if version not in VERSIONS:
        raise BadInput(what=f"normaliser {version!r}", problem=f"here are versions {', '.join(VERSIONS)}")
    token = _version.set(version)
    try:
        yield
    finally:
        _version.reset(token)
