"""What identifies a person is taken out before a tweet is stored: masks in the text, a keyed hash for the author."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from sentiment_lib.text.airlines import HANDLES

USER, URL, EMAIL, PHONE = "@user", "http", "<email>", "<phone>"

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"\x00]+", re.IGNORECASE)
USUAL_URL = re.compile(r"https?://[^\s<>\"\x00]+")
# mentions but for airlines' handles. It begins with its literal, which the engine finds fast if case is spelled out
# instead of ignored; the Kelvin sign is a k in lower case
_CASES = {c: f"[{c}{c.upper()}]" for c in "abcdefghijlmnopqrstuvwxyz"} | {"k": "[kK\u212a]"}
_ANY_CASE = ("".join(_CASES.get(c, c) for c in handle) for handle in HANDLES)
PERSON = re.compile(rf"@(?<![\w@]@)(?!(?:{'|'.join(_ANY_CASE)})(?!\w))\w{{1,50}}")
# ten digits or more with separators between, or a leading plus: flight numbers, prices and times are shorter
_PHONE = re.compile(r"(?<![\w#$€£])(?:\+\d[\d\s().-]{7,17}\d|\(?\d{3}\)?[\s.-]?\d{3}[\s.-]?\d{4}|\d{3}-\d{4})(?!\w)")
_DIGITS = re.compile(r"\d[\d\s().-]{5,}\d")


def mask(text: str) -> str:
    """The text with e-mail addresses, URLs, people's mentions and phone numbers replaced by fixed tokens.

    Handles of airlines stay, and so do <email> and <phone>: masking twice changes nothing.
    """
    has_at = "@" in text
    # an address has something before its @; mentions after a space or at the start need no look at addresses
    if has_at and text.count("@") > text.count(" @") + (text[0] == "@"):
        text = _EMAIL.sub(EMAIL, text)
    if "://" in text:
        text = USUAL_URL.sub(URL, text)  # begins with a literal: leaves little to the slow one
    if "://" in text or "ww." in text or "WW." in text or "wW." in text or "Ww." in text:
        text = _URL.sub(URL, text)
    if has_at:
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
    """16 bytes that stand for an author: the same for the same name and key, and not to be guessed without the key."""
    return author_hasher(key)(author)


def author_hasher(key: bytes) -> Callable[[str], bytes]:
    """`author_hash` with this key, for many authors: the key is taken in once."""
    keyed = hashlib.blake2b(key=key[:64], digest_size=16)

    def hashed(author: str) -> bytes:
        one = keyed.copy()
        one.update(author.strip().lstrip("@").lower().encode())
        return one.digest()

    return hashed
