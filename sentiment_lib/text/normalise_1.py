"""Version 1 of the normaliser, for models that were trained with it. It never changes.

It differs from version 2 in typographic apostrophes, soft hyphens and zero-width characters inside words, entities
that are escaped twice, and text directly after a URL.
"""

from __future__ import annotations

import html
import re
import unicodedata

USER, URL, EMAIL, PHONE = "@user", "http", "<email>", "<phone>"
MAXIMUM_CHARACTERS = 4000
HANDLES = (
    "united",
    "usairways",
    "americanair",
    "southwestair",
    "delta",
    "deltaassist",
    "virginamerica",
    "jetblue",
    "alaskaair",
    "spiritairlines",
    "british_airways",
    "lufthansa",
    "ryanair",
    "easyjet",
    "klm",
    "airfrance",
    "emirates",
    "qantas",
    "aircanada",
)

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")
_SPACE = re.compile(r"\s+")
_ELONGATED = re.compile(r"(\w)\1{3,}")


_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"\x00]+", re.IGNORECASE)
_USUAL_URL = re.compile(r"https?://[^\s<>\"\x00]+")
# mentions but for airlines' handles. It begins with its literal, which the engine finds fast if case is spelled out
# instead of ignored; the Kelvin sign is a k in lower case
_CASES = {c: f"[{c}{c.upper()}]" for c in "abcdefghijlmnopqrstuvwxyz"} | {"k": "[kK\u212a]"}
_ANY_CASE = ("".join(_CASES.get(c, c) for c in handle) for handle in HANDLES)
_PERSON = re.compile(rf"@(?<![\w@]@)(?!(?:{'|'.join(_ANY_CASE)})(?!\w))\w{{1,50}}")
# ten digits or more with separators between, or a leading plus: flight numbers, prices and times are shorter
_PHONE = re.compile(r"(?<![\w#$€£])(?:\+\d[\d\s().-]{7,17}\d|\(?\d{3}\)?[\s.-]?\d{3}[\s.-]?\d{4}|\d{3}-\d{4})(?!\w)")
_DIGITS = re.compile(r"\d[\d\s().-]{5,}\d")


def normalise(text: str) -> str:
    """The text, normalised by version 1."""
    text = text[:MAXIMUM_CHARACTERS]
    if "&" in text:
        text = html.unescape(text)
    text = unicodedata.normalize("NFC", text)
    text = _CONTROL.sub(" ", text)
    text = _ELONGATED.sub(r"\1\1\1", text)
    return _SPACE.sub(" ", _mask(text)).strip()


def _mask(text: str) -> str:
    has_at = "@" in text
    # an address has something before its @; mentions after a space or at the start need no look at addresses
    if has_at and text.count("@") > text.count(" @") + (text[0] == "@"):
        text = _EMAIL.sub(EMAIL, text)
    if "://" in text:
        text = _USUAL_URL.sub(URL, text)  # begins with a literal: leaves little to the slow one
    if "://" in text or "ww." in text or "WW." in text or "wW." in text or "Ww." in text:
        text = _URL.sub(URL, text)
    if has_at:
        text = _PERSON.sub(USER, text)
    return _mask_phones(text) if _may_hold_phone(text) else text


def _mask_phones(text: str) -> str:
    """The text with phone numbers replaced."""
    return _PHONE.sub(PHONE, text) if _DIGITS.search(text) else text


def _may_hold_phone(text: str) -> bool:
    """False when there are fewer digits than a number without a plus has: counting is cheaper than searching."""
    if not text.isascii() or "+" in text:  # there are digits beyond ASCII
        return True
    written = text.encode()
    return len(written) - len(written.translate(None, b"0123456789")) >= 7
