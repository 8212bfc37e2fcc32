"""Tweets page: search and filter, a page at a time, and the same tweets as CSV."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.console import date_range, sentiment
from sentiment_lib.errors import BadInput
from sentiment_lib.records import LABELS
from sentiment_lib.storage import daily_sentiment, model_versions, tweet_search
from sentiment_lib.storage.tweet_search import TweetMatch, TweetPage, TweetQuery
from sentiment_lib.text.spreadsheet import guard

ROWS, EXPORTED, EXPORT_PAGE = 50, 10_000, 2_000
#: Largest search text: phrases of many words are slow to find.
LONGEST, MOST_WORDS = 200, 20
#: Seconds for all queries of a search, and of an export.
SECONDS = 10.0
#: Value of a filter that leaves nothing out.
ALL = "all"
HEAD = (
    "tweet_id", "created_at", "airline", "text", "version", "predicted_label", "p_negative", "p_neutral", "p_positive",
    "other_label", "label", "synthetic",
)  # fmt: skip


def view(connection: Connection, parameters: Mapping[str, str]) -> dict[str, Any]:
    """Template values of a page of results; parameters: of the address, see `_query`.

    Raises BadInput for bad ones, TooSlow after SECONDS.
    """
    versions = daily_sentiment.newest_versions(connection)
    query = _query(connection, parameters, versions)
    span = daily_sentiment.span(connection, query.version) if query else None
    found = (
        tweet_search.search(connection, query, ROWS, deadline=time.monotonic() + SECONDS)
        if query
        else TweetPage(matches=(), after=None)
    )
    kept = {name: value for name, value in parameters.items() if value and name != "after"}
    return {
        "query": query,
        "found": found,
        "span": span,
        "airlines": daily_sentiment.airlines(connection, query.version) if query else [],
        "airline_name": sentiment.airline_name,
        "versions": model_versions.numbers(connection),
        "labels": [str(label) for label in LABELS],
        "first_page": query is None or query.after is None,
        "next": urlencode({**kept, "after": _cursor(found.after)}) if found.after else None,
        "export": urlencode(kept),
    }


def export(connection: Connection, parameters: Mapping[str, str]) -> str:
    """The newest EXPORTED matches as CSV, its cells safe to open in a spreadsheet. Raises as `view` does."""
    query = _query(connection, parameters, daily_sentiment.newest_versions(connection))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEAD)
    for match in _matches(connection, query) if query else ():
        writer.writerow([guard(value) for value in _row(match, query.version if query else 0)])
    return out.getvalue()


def _matches(connection: Connection, query: TweetQuery) -> Iterator[TweetMatch]:
    number, deadline = 0, time.monotonic() + SECONDS
    while number < EXPORTED:
        found = tweet_search.search(connection, query, EXPORT_PAGE, deadline=deadline)
        for match in found.matches[: EXPORTED - number]:
            number += 1
            yield match
        if found.after is None:
            return
        query = replace(query, after=found.after)


def _row(match: TweetMatch, version: int) -> tuple[object, ...]:
    return (
        match.tweet_id,
        match.created_at.astimezone(UTC).isoformat(),
        match.airline or "",
        match.text,
        version,
        match.label or "",
        match.p_negative,
        match.p_neutral,
        match.p_positive,
        match.other_label or "",
        match.true_label or "",
        match.synthetic,
    )


def _query(connection: Connection, parameters: Mapping[str, str], versions: Any) -> TweetQuery | None:
    """Parameters q, airline, label, version, other, wrong, from, to and after; None when no version has predicted."""
    version = _version(parameters.get("version", ""), "version") or (versions[0] if versions else None)
    if version is None:
        return None
    span = daily_sentiment.span(connection, version)
    shown = date_range.parse(
        parameters.get("from", "") or (str(span[0]) if span else ""),
        parameters.get("to", ""),
        span,
        clock.now().date(),
    )
    label = parameters.get("label", "")
    if label and label not in LABELS:
        raise BadInput(what="label", problem=f"'{label[:20]}' is none of {', '.join(LABELS)}")
    airline, words = parameters.get("airline", ALL), parameters.get("q", "").strip()
    if len(words) > LONGEST or len(words.split()) > MOST_WORDS:
        raise BadInput(what="search text", problem=f"at most {LONGEST} characters and {MOST_WORDS} words")
    return TweetQuery(
        first=shown.first,
        last=shown.last,
        version=version,
        words=words,
        airline=None if airline == ALL else airline,
        label=label or None,
        other=_version(parameters.get("other", ""), "other"),
        wrong=parameters.get("wrong", "") == "yes",
        after=_parse_cursor(parameters.get("after", "")),
    )


def _version(text: str, name: str) -> int | None:
    if text and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadInput(what=name, problem=f"'{text[:20]}' is no version")
    return int(text) if text else None


def _cursor(after: tuple[datetime, int]) -> str:
    return f"{after[0].astimezone(UTC).isoformat()}~{after[1]}"


def _parse_cursor(text: str) -> tuple[datetime, int] | None:
    if not text:
        return None
    moment, _, number = text.partition("~")
    try:
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None or not 0 < int(number) < 2**63:
            raise ValueError("out of range")
    except ValueError as error:
        raise BadInput(what="after", problem=f"'{text[:60]}' is no place in the results") from error
    return at, int(number)
