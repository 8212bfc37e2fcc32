"""What a forgotten tweet is searched by: its id, the words that only it had, its author's name, and its text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sentiment_lib.erasure.passages import Passages
from sentiment_lib.erasure.text_index import TextIndex
from sentiment_lib.erasure.vocabulary import platform_words
from sentiment_lib.text.privacy import USER
from sentiment_lib.text.tokens import words

#: What stands in a text for what was erased.
ERASED = "[erased]"
#: Digits of an id that is searched in running text: shorter numbers are mostly something else.
SHORTEST_ID, LONGEST_ID = 9, 19
#: Digits of a number that are exact where it is kept as a double, and the shortest id that says whose a record is.
KEPT_DIGITS = 15
_ID = re.compile(rf"\d{{{KEPT_DIGITS},{LONGEST_ID}}}", re.ASCII)
#: Shortest word that is searched.
SHORTEST_WORD = 4
# an id may have zeros before it
_DIGITS = re.compile(rf"(?<!\d)0*([1-9]\d{{{SHORTEST_ID - 1},{LONGEST_ID - 1}}})(?!\d)", re.ASCII)
#: What masking writes for a mention of anybody: it names no author of that name.
_MASKED = frozenset({USER.lstrip("@")})
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_WORD = re.compile(r"[^\W\d_][\w'’]*")
#: What stands around a whole value of delimited text or JSON.
_BEFORE, _AFTER = r"(?:^|(?<=[,;\t|\"'\x1f]))", r"(?=[,;\t|\"'\r\n\x1f]|$)"
#: How an alert lists words that became frequent or rare.
_CHANGED = re.compile(r"([^\W\d_][\w'’]*)(?= \d+\.\d% to \d+\.\d%)")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What to search for. In running text, ids are searched that have SHORTEST_ID digits or more.

    Records hold what people wrote; prose is what the platform wrote: messages of logs, alerts, answers of the API.
    """

    ids: frozenset[int] = frozenset()
    #: lower-case words of forgotten texts that no other text has
    words: frozenset[str] = frozenset()
    #: lower-case names of forgotten authors, without @
    names: frozenset[str] = frozenset()
    #: names that are words of other texts as well: they count after @ or as a whole value alone
    common_names: frozenset[str] = frozenset()
    texts: TextIndex = field(default_factory=lambda: TextIndex(()))
    passages: Passages = field(default_factory=Passages)

    @cached_property
    def _words(self) -> frozenset[str]:
        return self.words - platform_words() if self.words else self.words

    @cached_property
    def _digits(self) -> frozenset[str]:
        """The ids that are searched in running text."""
        return frozenset(written for written in map(str, self.ids) if len(written) >= SHORTEST_ID)

    @cached_property
    def _names(self) -> re.Pattern[str] | None:
        return _pattern(self.names, self.common_names)

    @cached_property
    def _names_alone(self) -> re.Pattern[str] | None:
        """Names after @ or as a whole value."""
        return _pattern(self.names, self.names)

    @cached_property
    def _beginnings(self) -> frozenset[str]:
        """The digits that are left of an id which a spreadsheet or JavaScript has rounded."""
        return frozenset(written[:KEPT_DIGITS] for written in map(str, self.ids) if len(written) > KEPT_DIGITS)

    def __bool__(self) -> bool:
        return bool(self.ids or self.names)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where prose speaks of a forgotten tweet: (start, end), in order, disjoint.

        Words count where an id, a text or a passage of one stands as well, or where they are all that is said. A word
        that stands in escapes is no word of the text: then it is the whole text.
        """
        spans = [match.span() for match in _DIGITS.finditer(text) if match[1] in self._digits]
        spans += [*self.texts.spans(text), *self.passages.spans(text)]
        if self._words:
            pattern = _WORD if spans or text.strip().lower() in self._words else _CHANGED
            spans += [match.span() for match in pattern.finditer(text) if match[0].lower() in self._words]
        if self._names is not None:
            spans += [match.span() for match in self._names.finditer(text)]
        if not spans and (plain := _unescaped(text)) != text and self.spans(plain):
            return [(0, len(text))]
        return _merged(spans)

    def quoted_in(self, prose: str) -> bool:
        """Whether prose speaks of a forgotten tweet."""
        return bool(self.spans(prose))

    def occur_in(self, text: str, *, of_another: bool = False, by_another: bool = False) -> bool:
        """Whether a record or a value speaks of a forgotten tweet, also in JSON's escapes.

        Each word counts. of_another: the record is of a tweet that is not forgotten, and its words are its author's:
        there it takes the text or a passage of a forgotten tweet, or a name after @ or as a whole value. by_another:
        its author is named and is no forgotten one, so that a name in it is theirs to have said.
        """
        if (plain := _unescaped(text)) != text and self.occur_in(plain, of_another=of_another, by_another=by_another):
            return True
        if not self._digits.isdisjoint(_DIGITS.findall(text)):
            return True
        if self._words and not of_another and not self._words.isdisjoint(_WORD.findall(text.lower())):
            return True
        names = self._names_alone if of_another else self._names
        if names is not None and not by_another and names.search(text):
            return True
        return self.texts.occurs_in(text) or (of_another and next(self.passages.spans(text), None) is not None)

    def is_of_another(self, value: object) -> bool:
        """Whether a value is the id of a tweet that is not forgotten, nor what rounding has left of one that is."""
        written = str(value).strip().lstrip("0")
        if not _ID.fullmatch(written):
            return False
        return int(written) not in self.ids and written[:KEPT_DIGITS] not in self._beginnings

    def without(self, text: str) -> str:
        """Prose with ERASED in the place of what is forgotten."""
        parts, position = [], 0
        for start, end in self.spans(text):
            parts += [text[position:start], ERASED]
            position = end
        return "".join([*parts, text[position:]])

    def name_author(self, value: object) -> bool:
        """Whether the value of an author's field is a forgotten author."""
        return bool(self.names) and str(value).strip().lstrip("@").lower() in self.names

    def name_id(self, value: object) -> bool:
        """Whether a value that is an id, a number or its digits, is a forgotten tweet's."""
        if isinstance(value, bool) or not isinstance(value, int | str):
            return False
        written = str(value).strip().lstrip("0")
        return written.isascii() and written.isdigit() and len(written) <= LONGEST_ID and int(written) in self.ids

    def clean(self, value: Any) -> Any:
        """A JSON value without what is forgotten: objects that name a forgotten id go, other texts lose the words."""
        if isinstance(value, Mapping):
            return {name: self.clean(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.clean(item) for item in value if not self._is_about(item)]
        if isinstance(value, str):
            return ERASED if self.name_id(value) and len(value) >= SHORTEST_ID else self.without(value)
        return 0 if isinstance(value, int) and value >= 10**SHORTEST_ID and self.name_id(value) else value

    def _is_about(self, item: object) -> bool:
        if isinstance(item, Mapping):
            return any(self.name_id(item[name]) for name in ID_FIELDS if name in item)
        return False


#: Fields of a JSON object that hold the id of the tweet that it is about.
ID_FIELDS = ("tweet_id", "id", "id_str")


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text) if "\\u" in text else text


def _pattern(names: frozenset[str], common: frozenset[str]) -> re.Pattern[str] | None:
    """Finds names: those of `common` after @ or as a whole value, others as a word as well."""
    if not names:
        return None
    own = names & platform_words()
    forms = []
    if mentioned := names - _MASKED:
        forms.append(rf"(?<!\w)@(?:{_either(mentioned)})(?!\w)")
    if rare := names - common - own:
        forms.append(rf"(?<!\w)(?:{_either(rare)})(?!\w)")
    if whole := names & common - own:
        forms.append(rf"{_BEFORE}(?:{_either(whole)}){_AFTER}")
    return re.compile("|".join(forms), re.IGNORECASE) if forms else None


def _either(names: Iterable[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names))


def words_of(texts: Iterable[str]) -> frozenset[str]:
    """Words of the texts that are worth searching for."""
    return frozenset(word for text in texts for word in words(text) if len(word) >= SHORTEST_WORD)


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
