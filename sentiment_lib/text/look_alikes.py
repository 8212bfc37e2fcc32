"""Names of people that somebody could take for each other: what a new name may consist of, and which ones look alike.

After Unicode Technical Standard 39 (Unicode Security Mechanisms): one script in a name, and names with one skeleton are
confusable. The table has letters of other scripts, and digits, that look like Latin letters; accents do not tell names
apart here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

#: Scripts, by the first word of a letter's Unicode name, that are written together.
_TOGETHER = (frozenset({"CJK", "HIRAGANA", "KATAKANA"}), frozenset({"CJK", "HANGUL"}))
#: Letters that nobody sees.
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
_LIKE_LATIN = str.maketrans(
    {
        **dict(zip("АВЕЅІЈКМНОРСТУХҮԌԜЗ", "ABESlJKMHOPCTYXYGW3", strict=True)),
        **dict(zip("аеѕіјорсухԁһԛԝѵгп", "aesijopcyxdhqwvrn", strict=True)),
        **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHlKMNOPTYX", strict=True)),
        **dict(zip("αοενικρτυχ", "aoevikptux", strict=True)),
        **dict(zip("օսցհոԼՏ", "oughnLS", strict=True)),
        **dict(zip("ıɑɡʟøłđ", "iagLold", strict=True)),
        **dict(zip("01I|5", "OlllS", strict=True)),
        **dict.fromkeys("‐‑‒–—−", "-"),
    }
)


def why_no_name(name: str) -> str | None:
    """Why nobody may have this name; None for a good one."""
    if name != unicodedata.normalize("NFKC", name):
        return f"it has characters that look like others: write {unicodedata.normalize('NFKC', name)!r}"
    if name != " ".join(name.split()):
        return "it has spaces that are not seen"
    if bad := next((character for character in name if not _is_plain(character)), None):
        return f"it has the character U+{ord(bad):04X}; letters, digits and the signs of ASCII are for names"
    scripts = {unicodedata.name(character, "?").split()[0] for character in name if character.isalpha()}
    if len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER):
        return f"it mixes letters of different scripts ({', '.join(sorted(scripts)).lower()})"
    return None


def look_alike(name: str, others: Iterable[str]) -> str | None:
    """The first of the others, but for the name itself, that looks like it; None for a name that stands alone."""
    keys = _keys(name)
    return next((other for other in others if other != name and keys & _keys(other)), None)


def _keys(name: str) -> set[str]:
    """Two names look alike if they have one of these in common."""
    plain = " ".join(unicodedata.normalize("NFKD", name).split())
    bare = "".join(character for character in plain if unicodedata.category(character) not in ("Mn", "Me", "Cf"))
    skeleton = bare.translate(_LIKE_LATIN).casefold().replace("rn", "m").replace("vv", "w")
    return {bare.casefold(), skeleton}


def _is_plain(character: str) -> bool:
    if character.isascii():
        return character.isprintable()
    return (character not in _FILLERS and unicodedata.category(character)[0] in "LM") or character.isdecimal()
