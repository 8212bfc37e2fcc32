"""Requests to forget: what is asked, what waits, and how far each is. The ids that it names go with the tweets."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

import numpy as np
from sqlalchemy import Connection, RowMapping, text

from sentiment_lib.errors import NotFound
from sentiment_lib.storage import tombstones
from sentiment_lib.storage.engine import lock

TWEETS, AUTHOR, AGE, COMPLIANCE = "tweets", "author", "age", "compliance"
RECEIVED, ERASING, MODELS, DONE = "received", "erasing", "models", "done"
#: Ids read or erased at once.
BATCH = 10_000


@dataclass(frozen=True, kw_only=True)
class NewRequest:
    """A request as it comes in."""

    kind: str
    requested_by: str
    due_at: datetime
    #: reason -> number of tweets, of a compliance file
    reasons: Mapping[str, int] = field(default_factory=dict)
    #: what to search for beside ids: {"author": name}
    subject: Mapping[str, str] | None = None
    #: keyed hash of the author whose tweets are all forgotten
    author_hash: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class ErasureRequest:
    """A request and how far it is."""

    request_id: int
    kind: str
    requested_by: str
    #: RECEIVED, ERASING, MODELS or DONE
    state: str
    received_at: datetime
    due_at: datetime
    erased_at: datetime | None
    finished_at: datetime | None
    #: tweets that it names, whether stored or not
    named: int
    reasons: Mapping[str, int]
    subject: Mapping[str, str] | None
    #: store -> numbers of what was found
    counts: Mapping[str, Any]
    #: columns that somebody filled with something else, and that count as empty
    unreadable: tuple[str, ...] = ()


_JSON = ("reasons", "subject", "counts")
# as text: one row that cannot be read stops no other
_COLUMNS = ", ".join(
    f"CAST({name} AS text) AS {name}" if name in _JSON else name
    for name in ErasureRequest.__dataclass_fields__
    if name != "unreadable"
)
#: What the counts have by name, as `erase` records them.
_COUNTS: Mapping[str, type[dict[str, Any]] | type[list[Any]]] = {
    **dict.fromkeys(("found", "unproven", "left", "airflow"), dict),
    **dict.fromkeys(("rewrite", "unreadable", "unfinished"), list),
}
# reads all tweets: there is no index by author
_OF_AUTHOR = "SELECT tweet_id FROM tweets WHERE author_hash = CAST(:author AS bytea)"


def insert(connection: Connection, request: NewRequest, tweet_ids: Iterable[int], *, refuse: Collection[int]) -> int:
    """Store a request with the tweets that it names; returns its id.

    From its commit on, the tweets of `refuse`, the author and the author's stored tweets are refused wherever they come
    in: the lock waits for the ingests that are storing rows.
    """
    lock(connection, "erasure")
    of_author = [] if request.author_hash is None else _stored_of(connection, request.author_hash)
    ids = np.unique(np.fromiter(chain(tweet_ids, of_author), dtype=np.int64))
    request_id = int(
        connection.execute(
            text(
                "INSERT INTO erasure_requests (kind, requested_by, due_at, named, reasons, subject) "
                "VALUES (:kind, :by, :due, :listed, CAST(:reasons AS jsonb), CAST(:subject AS jsonb)) "
                "RETURNING request_id"
            ),
            {
                "kind": request.kind,
                "by": request.requested_by,
                "due": request.due_at,
                "listed": len(ids),
                "reasons": json.dumps(dict(request.reasons)),
                "subject": None if request.subject is None else json.dumps(dict(request.subject)),
            },
        ).scalar_one()
    )
    for start in range(0, len(ids), BATCH):
        _name(connection, request_id, ids[start : start + BATCH].tolist())
    authors = [] if request.author_hash is None else [request.author_hash]
    tombstones.store(connection, request_id, chain(refuse, of_author), authors)
    return request_id


def _stored_of(connection: Connection, author: bytes) -> list[int]:
    return list(connection.execute(text(_OF_AUTHOR), {"author": author}).scalars())


def name_stored_of(connection: Connection, request_id: int, author: bytes) -> None:
    """Let a request name the stored tweets of this author (keyed hash). Run again, it changes nothing."""
    query = (
        f"INSERT INTO erasure_targets (request_id, tweet_id) SELECT :request, tweet_id FROM ({_OF_AUTHOR}) t "
        "ON CONFLICT DO NOTHING"
    )
    connection.execute(text(query), {"request": request_id, "author": author})


def count_targets(connection: Connection, request_id: int) -> int:
    """Number of the tweets that it names, as far as they are not erased."""
    query = text("SELECT count(*) FROM erasure_targets WHERE request_id = :request")
    return int(connection.execute(query, {"request": request_id}).scalar_one())


def _request(row: RowMapping) -> ErasureRequest:
    read: dict[str, Any] = {str(name): value for name, value in row.items()}
    unreadable = list[str]()
    for name, is_valid in (("reasons", _are_numbers), ("subject", _is_subject), ("counts", _are_counts)):
        try:
            read[name] = None if row[name] is None else json.loads(row[name])
        except (ValueError, RecursionError):
            read[name] = ...
        if not is_valid(read[name]):
            unreadable.append(name)
            read[name] = None if name == "subject" else {}
    return ErasureRequest(**read, unreadable=tuple(unreadable))


def _are_numbers(value: object) -> bool:
    return isinstance(value, dict) and all(type(number) is int for number in value.values())


def _is_subject(value: object) -> bool:
    return value is None or (isinstance(value, dict) and isinstance(value.get("author"), str))


def _are_counts(value: object) -> bool:
    if not isinstance(value, dict) or not all(
        isinstance(value.get(name, kind()), kind) for name, kind in _COUNTS.items()
    ):
        return False
    listed = [one for name in ("rewrite", "unreadable", "unfinished") for one in value.get(name, ())]
    return (
        _are_numbers(value.get("found", {}))
        and all(isinstance(one, str) for one in listed)
        and all(number.isdecimal() for name in ("unproven", "left") for number in value.get(name, {}))
        and (not value.get("airflow") or "problem" in value["airflow"])
    )


def _name(connection: Connection, request_id: int, tweet_ids: Sequence[int]) -> None:
    query = "INSERT INTO erasure_targets (request_id, tweet_id) SELECT :request, unnest(CAST(:ids AS bigint[]))"
    connection.execute(text(query), {"request": request_id, "ids": list(tweet_ids)})


def any_created_before(connection: Connection, moment: datetime) -> bool:
    """Whether a tweet created before this moment is stored."""
    query = text("SELECT EXISTS (SELECT FROM tweets WHERE created_at < :moment)")
    return bool(connection.execute(query, {"moment": moment}).scalar_one())


def by_id(connection: Connection, request_id: int) -> ErasureRequest:
    """The request with this id. Raises NotFound."""
    query = text(f"SELECT {_COLUMNS} FROM erasure_requests WHERE request_id = :request")
    row = connection.execute(query, {"request": request_id}).mappings().one_or_none()
    if row is None:
        raise NotFound(what="request to forget", key=request_id)
    return _request(row)


def unfinished(connection: Connection) -> list[ErasureRequest]:
    """Requests that are not done, the most urgent first."""
    query = text(f"SELECT {_COLUMNS} FROM erasure_requests WHERE state <> 'done' ORDER BY due_at, request_id")
    return [_request(row) for row in connection.execute(query).mappings()]


def newest_id(connection: Connection) -> int | None:
    """Number of the newest request; None without any."""
    newest: int | None = connection.execute(text("SELECT max(request_id) FROM erasure_requests")).scalar_one()
    return newest


def every(connection: Connection) -> list[ErasureRequest]:
    """All requests, oldest first."""
    query = text(f"SELECT {_COLUMNS} FROM erasure_requests ORDER BY request_id")
    return [_request(row) for row in connection.execute(query).mappings()]


def newest(connection: Connection, limit: int) -> list[ErasureRequest]:
    """The newest requests, newest first."""
    query = text(f"SELECT {_COLUMNS} FROM erasure_requests ORDER BY request_id DESC LIMIT :limit")
    return [_request(row) for row in connection.execute(query, {"limit": limit}).mappings()]


def targets(connection: Connection, request_id: int) -> Iterator[list[int]]:
    """Ids of the tweets that it names, in order, in lists of at most BATCH."""
    last = 0
    while ids := page_of_targets(connection, request_id, after=last):
        yield ids
        last = ids[-1]


def with_ids_of_the_past(connection: Connection) -> list[int]:
    """Requests whose tweets are erased and that name ids all the same: none, unless somebody put them there."""
    query = text(
        "SELECT request_id FROM erasure_requests r WHERE state IN ('models', 'done') "
        "AND EXISTS (SELECT FROM erasure_targets e WHERE e.request_id = r.request_id) ORDER BY request_id"
    )
    return list(connection.execute(query).scalars())


def page_of_targets(connection: Connection, request_id: int, *, after: int) -> list[int]:
    """The next BATCH ids above `after`, in order."""
    query = text(
        "SELECT tweet_id FROM erasure_targets WHERE request_id = :request AND tweet_id > :last "
        "ORDER BY tweet_id LIMIT :rows"
    )
    return list(connection.execute(query, {"request": request_id, "last": after, "rows": BATCH}).scalars())


def set_state(connection: Connection, request_id: int, state: str, *, at: datetime | None = None) -> None:
    """Move the request on; `at` is the time of MODELS and DONE. Run again, it changes nothing."""
    connection.execute(
        text(
            "UPDATE erasure_requests SET state = :state, "
            "erased_at = CASE WHEN :state IN ('models', 'done') THEN coalesce(erased_at, :at) END, "
            "finished_at = CASE WHEN :state = 'done' THEN coalesce(finished_at, :at) END "
            "WHERE request_id = :request AND state <> :state"
        ),
        {"state": state, "request": request_id, "at": at},
    )


def record_counts(connection: Connection, request_id: int, counts: Mapping[str, Any]) -> None:
    """Record what was found, in numbers."""
    connection.execute(
        text("UPDATE erasure_requests SET counts = CAST(:counts AS jsonb) WHERE request_id = :request"),
        {"request": request_id, "counts": json.dumps(dict(counts))},
    )


def drop_subject(connection: Connection, request_id: int) -> None:
    """Remove the ids and the name that a request searched for."""
    where = {"request": request_id}
    connection.execute(text("DELETE FROM erasure_targets WHERE request_id = :request"), where)
    connection.execute(text("UPDATE erasure_requests SET subject = NULL WHERE request_id = :request"), where)
