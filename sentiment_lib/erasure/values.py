"""What of a record is searched: its values, and no names of fields, header lines and markup."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

from sentiment_lib.erasure.json_values import every_pair, loads
from sentiment_lib.erasure.terms import ID_FIELDS, LONGEST_ID, SHORTEST_ID, Terms

#: Names of fields that hold an author, by X and by files of others, without marks between their words.
AUTHOR_FIELDS = frozenset(
    {"author", "authorname", "authorusername", "authorid", "handle", "name", "preferredusername", "screenname"}
    | {"user", "userid", "username", "userscreenname", "usernames"}
)
_NO_LETTER = re.compile(r"[\W_]+")
_ID = re.compile(rf"0*\d{{{SHORTEST_ID},{LONGEST_ID}}}", re.ASCII)
#: Stands between values that are searched at once; it is part of none.
_BETWEEN = "\x1f"


def speaks(value: Any, terms: Terms) -> bool:
    """Whether a value of JSON speaks of a forgotten tweet; of the names of fields, ids alone count."""
    leaves: list[str] = []
    of_another = is_of_another(value, terms)
    # there the name is one that somebody else has said
    by_another = of_another and is_by_another(value, terms)
    authors = [leaf for is_author, leaf in _leaves(value, leaves) if is_author]
    if not by_another and any(map(terms.name_author, authors)):
        return True
    return terms.occur_in(_BETWEEN.join(leaves), of_another=of_another, by_another=by_another)


def is_of_another(value: Any, terms: Terms) -> bool:
    """Whether a record has the id of a tweet that is not forgotten, in a list in any place."""
    if isinstance(value, dict):
        return any(terms.is_of_another(value[name]) for name in ID_FIELDS if name in value) or any(
            is_of_another(inner, terms) for inner in value.values() if isinstance(inner, dict)
        )
    return isinstance(value, list) and any(
        terms.is_of_another(item) for item in value if isinstance(item, str | int) and not isinstance(item, bool)
    )


def _leaves(value: Any, leaves: list[str]) -> Iterator[tuple[bool, str]]:
    """(whether it is an author's field, value as text), and the same values in `leaves`."""
    waiting: list[tuple[bool, Any]] = [(False, value)]
    while waiting:
        is_author, item = waiting.pop()
        if isinstance(item, dict):
            pairs = list(every_pair(item))
            leaves += [name for name, _ in pairs if _ID.fullmatch(name)]
            waiting += [(is_author_field(name), inner) for name, inner in pairs]
        elif isinstance(item, list):
            waiting += [(is_author, inner) for inner in item]
        elif item is not None and not isinstance(item, bool):
            leaves.append(str(item))
            yield is_author, leaves[-1]


def is_by(record: dict[str, Any] | list[Any], terms: Terms) -> bool:
    """Whether a record is by a forgotten author: in a field of its own or of `user`, or in a cell by itself."""
    if isinstance(record, list):
        return any(terms.name_author(cell) for cell in record if isinstance(cell, str | int))
    return any(map(terms.name_author, _authors(record)))


def is_by_another(record: Any, terms: Terms) -> bool:
    """Whether a record names its author, and this is none of the forgotten ones.

    A name is compared with names, and an account's number with numbers: the one does not tell the other.
    """
    if not isinstance(record, dict) or not terms.names:
        return False
    return _are_others([str(author).strip() for author in _authors(record) if author], terms)


def _are_others(authors: list[str], terms: Terms) -> bool:
    forms = {name.isdigit() for name in terms.names}
    comparable = [author for author in authors if author and author.isdigit() in forms]
    return bool(comparable) and not any(map(terms.name_author, authors))


def _authors(record: dict[str, Any]) -> Iterator[Any]:
    """Names and ids of the author of a record."""
    for name, value in every_pair(record):
        if is_author_field(name) or name == "actor":
            yield from _authors_of_user(value) if isinstance(value, dict) else (value,)


def _authors_of_user(user: dict[str, Any]) -> Iterator[Any]:
    yield from (value for name, value in every_pair(user) if is_author_field(name) or name in ID_FIELDS)


def is_author_field(name: object) -> bool:
    """Whether a field of this name holds the author of a tweet."""
    return plain(name) in AUTHOR_FIELDS


def plain(name: object) -> str:
    """The name of a field without marks between its words, in lower case."""
    return _NO_LETTER.sub("", str(name).lower())


def record_test(first: str, terms: Terms) -> tuple[bool, Callable[[str], bool]]:
    """(whether the first record is a header, how the other records are tested) of delimited text or JSON Lines."""
    names = cells(first, separator := separator_of(first))
    is_json = first.lstrip("\ufeff \t")[:1] in ("{", "[")
    is_header = not is_json and len(names) > 1 and not _ID.search(first) and not terms.quoted_in(first)
    authors = [position for position, name in enumerate(names) if is_header and is_author_field(name)]

    def test(record: str) -> bool:
        if record.lstrip("\ufeff \t")[:1] in ("{", "["):
            try:
                return speaks(loads(record.lstrip("\ufeff")), terms)
            except (ValueError, RecursionError):
                return terms.occur_in(record)
        row = cells(record, separator)
        by = [row[position].strip() for position in authors if position < len(row)]
        of_another = any(map(terms.is_of_another, row))
        by_another = of_another and bool(terms.names) and _are_others(by, terms)
        return any(map(terms.name_author, by)) or terms.occur_in(record, of_another=of_another, by_another=by_another)

    return is_header, test


def separator_of(line: str) -> str:
    """The character that most likely separates the cells of a line."""
    counted = Counter(character for character in line if character in ",;\t|")
    return max(",;\t|", key=lambda one: counted[one])


def cells(record: str, separator: str = "") -> list[str]:
    """Cells of a line of delimited text; by its most frequent separator unless it is given."""
    try:
        return next(csv.reader([record.replace("\0", "")], delimiter=separator or separator_of(record)), [])
    except csv.Error:
        return []


def page_speaks(content: str, terms: Terms) -> bool:
    """Whether a page of HTML speaks of a forgotten tweet in any part, or has a word of one as a text by itself."""
    if terms.quoted_in(content):
        return True
    page = _Texts()
    page.feed(content)
    return any(terms.quoted_in(text) for text in page.texts)


class _Texts(HTMLParser):
    """Texts between the tags, but those of styles and scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        if data.strip() and self.cdata_elem is None:
            self.texts.append(data)
