"""Masking of personal data in a text, and a keyed hash of the author.

Masking works on the text that a reader sees: HTML entities are decoded, and handles, e-mail addresses and phone numbers
are found with fullwidth @ signs, invisible characters inside and other hyphens, too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from sentiment_lib.text.airlines import HANDLES
from sentiment_lib.text.entities import decode
from sentiment_lib.text.urls import URL as _URL
from sentiment_lib.text.urls import USUAL_URL

USER, URL, EMAIL, PHONE = "@user", "http", "<email>", "<phone>"

#: Word characters of scripts that put spaces between words. In others, a sentence may follow a handle directly.
_W = r"[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f]"
_AT = "[@\uff20\ufe6b]"
_HYPHENS = r"\-\u2010-\u2015\u2212\ufe58\ufe63\uff0d"
#: Characters without a width, directions included.
_INVISIBLE = r"\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_Z = f"[{_INVISIBLE}]*"
_EMAIL = re.compile(rf"(?:{_W}|[.+-]){{1,64}}@(?:{_W}|-){{1,63}}(?:\.(?:{_W}|-){{1,63}}){{1,8}}")
# mentions but for airlines' handles. It begins with its literal, which the engine finds fast if case is spelled out
# instead of ignored; the Kelvin sign is a k in lower case
_CASES = {c: f"[{c}{c.upper()}]" for c in "abcdefghijlmnopqrstuvwxyz"} | {"k": "[kK\u212a]"}
_AIRLINES = "|".join("".join(_CASES.get(c, c) for c in handle) for handle in HANDLES)
PERSON = re.compile(
    rf"@(?<![A-Za-z0-9_@]@)(?!(?:{_AIRLINES})(?!{_W}))(?:[A-Za-z0-9_]{{1,50}}(?!{_W})|{_W}{{1,50}}|\w{{1,50}})"
)
# the same with other @ signs and invisible characters
_DISGUISED_EMAIL = re.compile(
    rf"(?:(?:{_W}|[.+-]){_Z}){{1,64}}{_AT}{_Z}(?:(?:{_W}|-){_Z}){{1,63}}(?:\.{_Z}(?:{_W}|-)(?:{_Z}(?:{_W}|-)){{0,62}}){{1,8}}"
)
_DISGUISED_PERSON = re.compile(
    rf"{_AT}(?<![A-Za-z0-9_@\uff20\ufe6b].){_Z}(?!(?:{_AIRLINES})(?!{_Z}{_W}))(?:{_W}(?:{_Z}{_W}){{0,49}}|\w(?:{_Z}\w){{0,49}})"
)
#: Characters for which the disguised patterns are needed.
DISGUISE = re.compile(rf"[\uff20\ufe6b{_INVISIBLE}]")
# ten digits or more with separators between, or a leading plus: flight numbers, prices and times are shorter
_BETWEEN = rf"[\s.{_HYPHENS}{_INVISIBLE}]{{0,3}}"
_PHONE = re.compile(
    rf"(?<![\w#$€£])(?:[+\uff0b]\d[\d\s().{_HYPHENS}{_INVISIBLE}]{{7,24}}\d"
    rf"|\(?\d{{3}}\)?{_BETWEEN}\d{{3}}{_BETWEEN}\d{{4}}|\d{{3}}{_Z}[{_HYPHENS}]{_Z}\d{{4}})(?!\w)"
)
_DIGITS = re.compile(rf"\d[\d\s().{_HYPHENS}{_INVISIBLE}]{{5,}}\d")
#: A letter of a script without spaces directly after a masked URL.
GLUED = re.compile(rf"{URL}(?<![A-Za-z0-9_]{URL})(?=[^\W\x00-\u024f\u0400-\u04ff])")


def mask(text: str) -> str:
    """The decoded text with e-mail addresses, URLs, people's mentions and phone numbers replaced by fixed tokens.

    Handles of airlines stay, and so do <email> and <phone>: masking twice changes nothing.
    """
    return mask_decoded(decode(text) if "&" in text else text)


def mask_decoded(text: str) -> str:
    """`mask` of a text without HTML entities."""
    disguised = not text.isascii() and DISGUISE.search(text) is not None
    has_at = "@" in text
    if "://" in text:
        text = USUAL_URL.sub(URL, text)  # begins with a literal: leaves little to the slow one
    # an address has something before its @; mentions after a space or at the start need no look at addresses
    if disguised:
        text = _DISGUISED_EMAIL.sub(EMAIL, text)
    elif has_at and text.count("@") > text.count(" @") + (text[0] == "@"):
        text = _EMAIL.sub(EMAIL, text)
    if "://" in text or "ww." in text or "WW." in text or "wW." in text or "Ww." in text:
        text = _URL.sub(URL, text)
    if URL in text and not text.isascii():
        text = GLUED.sub(f"{URL} ", text)
    if disguised:
        text = _DISGUISED_PERSON.sub(USER, text)
    elif has_at:
        text = PERSON.sub(USER, text)
    return mask_phones(text) if _may_hold_phone(text) else text


def mask_phones(text: str) -> str:
    """The text with phone numbers replaced."""
    return _PHONE.sub(PHONE, text) if _DIGITS.search(text) else text


def _may_hold_phone(text: str) -> bool:
    """False when there are fewer digits than a number without a plus has: counting is cheaper than searching."""
    if not text.isascii() or "+" in text:  # there are digits beyond ASCII
        return True
    written = text.encode()
    return len(written) - len(written.translate(None, b"0123456789")) >= 7


def author_hash(author: str, key: bytes) -> bytes:
    """Keyed hash (16 bytes) of an author: equal for the same name and key, not guessable without the key."""
    return author_hasher(key)(author)


def author_hasher(key: bytes) -> Callable[[str], bytes]:
    """`author_hash` with this key, for many authors."""
    keyed = hashlib.blake2b(key=key[:64], digest_size=16)

    def hashed(author: str) -> bytes:
        digest = keyed.copy()
        digest.update(author.strip().lstrip("@").lower().encode())
        return digest.digest()

    return hashed
