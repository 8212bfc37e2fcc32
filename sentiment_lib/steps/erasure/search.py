"""What one request searches for: ids, words that only the forgotten tweets have, the author's name, their texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import Connection

from sentiment_lib.erasure import refused_rows
from sentiment_lib.erasure.passages import Passages
from sentiment_lib.erasure.terms import SHORTEST_ID, SHORTEST_WORD, Terms, words_of
from sentiment_lib.erasure.text_index import WINDOW, TextIndex
from sentiment_lib.erasure.vocabulary import platform_words
from sentiment_lib.settings import Settings
from sentiment_lib.storage import erased_rows, erasure_requests
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.erasure_requests import ErasureRequest
from sentiment_lib.text.privacy import mask

#: Words looked up by one query.
WORDS = 1_000
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Search:
    """A request and what to search for."""

    store: Store
    settings: Settings
    request: ErasureRequest
    terms: Terms
    #: ids of quarantined rows of a forgotten author, which were never stored
    refused_rows: frozenset[int] = frozenset()
    #: creation of the oldest and the newest of its tweets that are stored
    first: datetime = _NEVER
    last: datetime = _NEVER
    #: folders of Airflow's task logs outside SENTIMENT_HOME
    task_logs: tuple[Path, ...] = ()
    #: snapshot with its tweets -> why nothing proves its rows
    unproven: Mapping[int, str] = field(default_factory=dict)
    #: names of files whose records cannot be told apart, as the search comes upon them
    unreadable: set[str] = field(default_factory=set)
    #: names of files of the landing folder that speak of it and that somebody may be writing
    unfinished: set[str] = field(default_factory=set)
    #: export -> why its file was left as it is, as the search comes upon them
    left: dict[int, str] = field(default_factory=dict)


def prepare(
    store: Store,
    settings: Settings,
    request: ErasureRequest,
    *,
    task_logs: Sequence[Path] = (),
    unproven: Mapping[int, str] = MappingProxyType({}),
) -> Search:
    """Read what the request names; words and texts come from the tweets that are still stored."""
    ids: list[int] = []
    texts: list[str] = []
    moments: list[datetime] = []
    with store.begin() as connection:
        for page in erasure_requests.targets(connection, request.request_id):
            ids += page
            for _, text, created_at in erased_rows.stored_texts(connection, page):
                texts.append(text)
                moments.append(created_at)
        author = (request.subject or {}).get("author", "").strip().lstrip("@").lower()
        if author.isdigit() and len(author) < SHORTEST_ID:
            author = ""  # an old account: so short a number mostly stands for something else; its tweets have ids
        named = Terms(ids=frozenset(ids), names=frozenset({author} if author else ()))
        refused, numbers = _refused(connection, named)
        texts += refused
        common = words_of(erased_rows.common_texts(connection)) if texts or author else frozenset()
        words = frozenset(_own_words(connection, texts, common))
    return Search(
        store=store,
        settings=settings,
        request=request,
        refused_rows=numbers - named.ids,
        terms=Terms(
            ids=named.ids | numbers,
            words=words,
            names=named.names,
            common_names=frozenset(name for name in named.names if name in common or len(name) < SHORTEST_WORD),
            texts=TextIndex(texts),
            passages=Passages(texts, words),
        ),
        first=min(moments, default=_NEVER),
        last=max(moments, default=_NEVER),
        task_logs=tuple(task_logs),
        unproven=unproven,
    )


def _refused(connection: Connection, named: Terms) -> tuple[list[str], frozenset[int]]:
    """Texts and ids of quarantined rows that are a forgotten tweet or of a forgotten author: they were never stored.

    What a row of another has as well tells nothing.
    """
    texts, numbers = set[str](), set[int]()
    for _, reason, raw in erased_rows.quarantined(connection):
        if refused_rows.speaks(reason, raw, named) and refused_rows.is_of(row := refused_rows.record_of(raw), named):
            texts.add(refused_rows.own_text(row))
            numbers.add(refused_rows.own_id(row) or 0)
    if texts or numbers:
        for _, reason, raw in erased_rows.quarantined(connection):
            row = refused_rows.record_of(raw)
            if not (refused_rows.speaks(reason, raw, named) and refused_rows.is_of(row, named)):
                texts.discard(refused_rows.own_text(row))
                numbers.discard(refused_rows.own_id(row) or 0)
    stored = {tweet_id for tweet_id, _, _ in erased_rows.stored_texts(connection, sorted(numbers))}
    return [mask(text) for text in sorted(texts) if len(text) >= WINDOW], frozenset(numbers - stored - {0})


def _own_words(connection: Connection, texts: list[str], common: frozenset[str]) -> Iterator[str]:
    """Words of these texts that no other stored text has; `common`: words that others are known to have."""
    rare = iter(sorted(words_of(texts) - common - platform_words()))
    while page := list(islice(rare, WORDS)):
        yield from erased_rows.in_no_other_text(connection, page)
