"""The columns of a file: which column holds which field, and hints for missing ones."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sentiment_lib.errors import BadSource
from sentiment_lib.sources.delimited import SEPARATORS
from sentiment_lib.sources.presets import SYNONYMS, Preset
from sentiment_lib.sources.values import parse_tweet_id
from sentiment_lib.text.privacy import mask

_MARK = re.compile(r"[\W_]+")
#: A name of a column has fewer words than this, and an id fewer digits.
TWEET_WORDS, ID_DIGITS = 7, 12
#: What stands in tweets and in no name of a column: mentions, links, retweets.
_IN_TWEETS = re.compile(r"(?:^|\s)@\w|https?://|^RT\s")
#: Characters shown of a tweet in an error.
PIECE = 20
_SEP_LINE = re.compile(r'^"?sep=(.)"?\s*$', re.IGNORECASE)


@dataclass(frozen=True)
class Header:
    """Column names and how they are separated."""

    names: list[str]
    separator: str
    #: field → position
    positions: dict[str, int]
    #: False: there is no header, the first line is a row
    is_line: bool = True


def positions_of(names: Sequence[str], preset: Preset) -> dict[str, int]:
    """Field → position of its column; case, spaces and punctuation of a name do not matter.

    Raises BadSource, without the name of a source, when two columns have the name of one field.
    """
    spelled = [_spelling(name) for name in names]
    positions = {}
    for field, column in preset.columns.items():
        exact = [position for position, name in enumerate(names) if name == column]
        matches = exact or [position for position, name in enumerate(spelled) if name == _spelling(column)]
        if len(matches) > 1:
            raise BadSource(source="the file", problem=f"{len(matches)} of its columns are named {column!a}")
        if matches:
            positions[field] = matches[0]
    return positions


def missing_fields(positions: Iterable[str], preset: Preset) -> list[str]:
    """Required fields without a column."""
    return [field for field in preset.required if field not in positions]


def missing_columns(names: Sequence[str], missing: Sequence[str], preset: Preset) -> str:
    """Why a file without these fields is refused, with the option that names a likely column."""
    if (tweet := _tweet_among(names)) is not None:
        line = ",".join(preset.columns[field] for field in preset.required)
        return (
            f"its first line looks like a tweet, not like column names: it has {_piece(tweet)}. Write the names of its "
            f"columns in a line above, such as {line}"
        )
    columns = ", ".join(repr(preset.columns[field]) for field in missing)
    shown = ", ".join(json.dumps(name)[1:-1][:40] for name in names[:20])
    hints = []
    spelled = {_spelling(name): name for name in names}
    for field in missing:
        likely = next(
            (spelled[_spelling(name)] for name in SYNONYMS.get(field, ()) if _spelling(name) in spelled), None
        )
        if likely is not None:
            hints.append(f"--column {field}={json.dumps(likely)[1:-1]}")
    if "text" in missing and {"tweetid", "label"} <= spelled.keys():
        hints.append("`sentiment label import`, if these are labels of stored tweets")
    hint = f"; perhaps {' '.join(hints)}" if hints else ""
    return f"it has no column {columns}; its columns are: {shown}{hint}"


def _tweet_among(names: Sequence[str]) -> str | None:
    """The name that is more likely the text of a tweet; None where all may be names of columns."""
    longest = max(names, key=len, default="")
    if longest and all(ord(one) % 256 == 0 for one in longest):
        return None  # UTF-16 in another byte order than the file's mark says
    has_id = any(parse_tweet_id(name)[0] is not None and len(name.strip()) >= ID_DIGITS for name in names)
    is_text = len(longest.split()) >= TWEET_WORDS or _IN_TWEETS.search(longest) is not None
    return longest if is_text or (has_id and len(longest.split()) > 1) else None


def _piece(text: str) -> str:
    """The beginning of a tweet: an error goes into logs, which are no place for tweets."""
    shown = json.dumps(mask(text[: 4 * PIECE]), ensure_ascii=False)[1:-1]
    return f"'{shown[:PIECE].rstrip()}…'" if len(shown) > PIECE else f"'{shown}'"


def separator_line(line: str) -> str | None:
    """The separator that a first line `sep=;` names, as Excel writes it."""
    match = _SEP_LINE.match(line)
    return match[1] if match else None


def find(line: str, preset: Preset, *, default: str, separator: str | None) -> Header:
    """The header in a file's first line, with the separator under which it has the required columns.

    Raises BadSource, without the name of a source, when there is none.
    """
    candidates = [separator] if separator else [default, *(other for other in SEPARATORS if other != default)]
    headers = []
    for candidate in candidates:
        names = cells_of(line, candidate)
        positions = positions_of(names, preset)
        if not missing_fields(positions, preset):
            return Header(names, candidate, positions)
        headers.append(Header(names, candidate, positions))
    for header in headers:
        names = list(preset.headers.get(len(header.names), ()))
        positions = positions_of(names, preset)
        if names and parse_tweet_id(header.names[positions["tweet_id"]])[0] is not None:
            return Header(names, header.separator, positions, is_line=False)
    best = max(headers, key=lambda header: (len(header.positions), header is headers[0], len(header.names)))
    problem = missing_columns(best.names, missing_fields(best.positions, preset), preset)
    if len(best.names) == 1 and len(headers) > 1 and _tweet_among(best.names) is None:
        problem += "; name what separates columns with --separator"
    raise BadSource(source="the file", problem=problem)


def cells_of(line: str, separator: str) -> list[str]:
    """The cells of one physical line, whatever its quotation marks."""
    return next(csv.reader([line], delimiter=separator), [])


def _spelling(name: str) -> str:
    return _MARK.sub("", name.casefold())
