"""Guess a tweet's language from function words and scripts; None without enough evidence."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import repeat

#: Frequent words that few other of these languages share.
_WORDS = {
    "en": "the and you is was my to for with have this that your not are just at they it's i'm been what",
    "es": "el los las que no por una con para mi su está muy pero vuelo gracias del al es y me",
    "fr": "le les des est pas une pour avec vous mon vol merci je nous dans sur et du c'est mais",
    "de": "der die das nicht ist ein eine und ich mit mein flug danke für wir sie war auf auch schon",
    "pt": "o os não uma com para meu voo obrigado obrigada você muito e do da em mais foi",
    "it": "il gli non è una con per mio volo grazie che di sono ma della anche molto",
    "nl": "het een niet is van mijn vlucht bedankt voor met ik wij dat maar ook zijn geen",
}
_LANGUAGES_OF: dict[str, tuple[str, ...]] = {}
for _language, _words in _WORDS.items():
    for _word in _words.split():
        _LANGUAGES_OF[_word] = (*_LANGUAGES_OF.get(_word, ()), _language)

#: One character for each set of languages that share a word, so that a text's evidence is a short string.
_KINDS = tuple(dict.fromkeys(_LANGUAGES_OF.values()))
_CODE = {word: chr(ord("A") + _KINDS.index(languages)) for word, languages in _LANGUAGES_OF.items()}

_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
#: ASCII letters in lower case, the apostrophe as it is, all else a space.
PLAIN = bytes(ord(c.lower()) if (c := chr(code)).isascii() and (c.isalpha() or c == "'") else 32 for code in range(256))
_ASCII = bytes(range(128))
#: An apostrophe that joins no letters, and several within one word.
_STRAY, _SEVERAL = re.compile(r"'(?![a-z])|'(?<![a-z]')"), re.compile(r"'[a-z]+'")
_CODE_OR_END = _CODE | {"\x00": "\x00"}
_OTHER_SCRIPT = re.compile(r"[\u0370-\u04ff\u0600-\u06ff\u0900-\u097f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
)


def detect(text: str) -> str | None:
    """ISO 639-1 code, or None. A hint for slices and drift, not a verdict about a tweet."""
    if not text.isascii() and _OTHER_SCRIPT.search(text):
        for language, script in _SCRIPTS:
            if len(script.findall(text)) >= 2:
                return language
    return _guess("".join(map(_CODE.get, _tokens(text), repeat(""))))


def is_script(sign: str) -> bool:
    """Whether a character belongs to one of the scripts that name a language."""
    return _OTHER_SCRIPT.match(sign) is not None


def detect_plain(plain: str) -> str | None:
    """`detect` of an ASCII text that was translated by PLAIN."""
    return _guess("".join(map(_CODE.get, _plain_tokens(plain), repeat(""))))


def detect_all_plain(joined: str) -> list[str | None]:
    """`detect` of ASCII texts that were joined by NUL bytes and translated by PLAIN, NUL bytes kept."""
    if "'" in joined:
        joined = _STRAY.sub(" ", joined)
        if _SEVERAL.search(joined):
            return list(map(detect_plain, joined.split("\x00")))
    tokens = joined.replace("\x00", " \x00 ").split()
    return list(map(_guess, "".join(map(_CODE_OR_END.get, tokens, repeat(""))).split("\x00")))


@lru_cache(maxsize=65_536)
def _guess(codes: str) -> str | None:
    """The language with the most votes of the words."""
    if not codes:
        return None
    evidence = [_KINDS[ord(code) - ord("A")] for code in codes]
    kinds = set(evidence)
    certain = [languages[0] for languages in kinds if len(languages) == 1]
    if len(certain) == 1 and (len(kinds) == 1 or all(certain[0] in languages for languages in kinds)):
        return certain[0]  # every vote is for it, some for others as well
    votes: dict[str, float] = {}
    for languages in evidence:
        for language in languages:
            votes[language] = votes.get(language, 0.0) + 1 / len(languages)
    best, second, *_ = *sorted(votes.values(), reverse=True), 0.0
    return max(votes, key=lambda language: votes[language]) if best > second else None


def _tokens(text: str) -> list[str]:
    """Matches of _TOKEN in the lower-case text; without regular expressions where all letters are ASCII."""
    if not text.isascii() and any(map(str.isalnum, _beyond_ascii(text))):
        return _TOKEN.findall(text.lower())
    return _plain_tokens(text.encode("ascii", "replace").translate(PLAIN).decode())


def _plain_tokens(plain: str) -> list[str]:
    tokens = plain.split()
    if "'" not in plain:
        return tokens
    split: list[str] = []
    for token in tokens:
        split += _TOKEN.findall(token) if "'" in token else (token,)
    return split


def _beyond_ascii(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").translate(None, _ASCII).decode("utf-8", "surrogatepass")
