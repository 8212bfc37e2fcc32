"""Quarantined rows: the record in each, whose tweet it is, and whether it speaks of a forgotten one."""

from __future__ import annotations

import re
from typing import Any

from sentiment_lib import clock
from sentiment_lib.erasure import values
from sentiment_lib.erasure.json_values import loads
from sentiment_lib.erasure.terms import ID_FIELDS, KEPT_DIGITS, LONGEST_ID, SHORTEST_ID, Terms
from sentiment_lib.tweet_ids import first_id, id_time

#: What the validation writes behind a row that is too long to be kept whole.
_CUT = re.compile(r" \[cut off: \d+ characters\]\Z")
#: Characters of the longest escape in JSON: a row may be cut off within one.
_ESCAPE = 6
#: Names of fields that hold the text of a tweet, without marks between their words.
_TEXT_FIELDS = frozenset({"text", "fulltext", "tweet", "tweettext", "content", "message", "body"})
#: The id of a record of which the end is missing: in a field, or in the first cell.
_ID_FIRST = re.compile(
    rf"""["'](?:{"|".join(ID_FIELDS)})["']\s*:\s*"?0*(\d{{{KEPT_DIGITS},{LONGEST_ID}}})\b"""
    rf"""|\A[\s"\[]*0*(\d{{{KEPT_DIGITS},{LONGEST_ID}}})\b""",
    re.ASCII,
)

Record = dict[str, Any] | list[Any] | str


def record_of(raw: str) -> Record:
    """A quarantined row as an object or as cells; as text where it is neither, or its end is missing.

    A line of a file is kept as a JSON string: it is read as the record that it is.
    """
    written = _CUT.sub("", raw)
    value = _parsed(written)
    if value is None and written[:1] == '"':
        ends = range(len(written), max(len(written) - _ESCAPE, 0), -1)
        value = next((line for end in ends if isinstance(line := _parsed(f'{written[:end]}"'), str)), None)
    if isinstance(value, dict | list):
        return value
    if not isinstance(value, str):
        return written
    if value.lstrip("\ufeff \t")[:1] in ("{", "["):
        record = _parsed(value.lstrip("\ufeff"))
        return record if isinstance(record, dict | list) else value
    cells = values.cells(value)
    return cells if len(cells) > 1 else value


def _parsed(text: str) -> Any:
    try:
        return loads(text)
    except (ValueError, RecursionError):
        return None


def speaks(reason: str, raw: str, terms: Terms) -> bool:
    """Whether a refused row, or the reason, speaks of a forgotten tweet."""
    if terms.quoted_in(reason):
        return True
    record = record_of(raw)
    if not isinstance(record, str):
        return values.speaks(record, terms)
    of_another = any(terms.is_of_another(match[1] or match[2]) for match in _ID_FIRST.finditer(record))
    return terms.occur_in(record, of_another=of_another)


def is_of(record: Record, named: Terms) -> bool:
    """Whether a record that speaks of a forgotten tweet or author is this tweet, or one of this author.

    A tweet of somebody else may reply to it or mention the author.
    """
    if isinstance(record, str):
        return False
    if own_id(record) in named.ids or values.is_by(record, named):
        return True
    return not values.is_of_another(record, named) and not values.is_by_another(record, named)


def own_id(record: Record) -> int | None:
    """Id of the tweet that a record is: that of the field, else the largest number that may be one.

    What a tweet replies to, quotes or mentions was there before it, and X's numbers grow. A smaller number is an
    account's, a count or a time.
    """
    if isinstance(record, dict):
        for name in ID_FIELDS:
            if (number := _number(record.get(name), SHORTEST_ID)) is not None:
                return number
    latest = first_id(clock.now())
    numbers = (_number(cell, KEPT_DIGITS) for cell in _cells(record))
    may_be = [number for number in numbers if number is not None and id_time(number) and number < latest]
    return max(may_be, default=None)


def own_text(record: Record) -> str:
    """Text of the tweet that a record is: that of the field, else the longest cell of several words."""
    if isinstance(record, dict):
        for name, value in record.items():
            if values.plain(name) in _TEXT_FIELDS and isinstance(value, str):
                return value.strip()
    texts = (cell.strip() for cell in _cells(record) if isinstance(cell, str))
    return max((text for text in texts if " " in text), key=len, default="")


def _cells(record: Record) -> list[Any]:
    if isinstance(record, str):
        return []
    return list(record.values()) if isinstance(record, dict) else record


def _number(value: object, shortest: int) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    written = str(value).strip().lstrip("0")
    is_number = written.isascii() and written.isdigit() and shortest <= len(written) <= LONGEST_ID
    return int(written) if is_number else None
