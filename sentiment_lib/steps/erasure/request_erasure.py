"""Take a request to forget: from its commit on, its tweets are refused, and the next run erases them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.erasure import compliance_file
from sentiment_lib.erasure.compliance_file import Compliance
from sentiment_lib.errors import BadInput, LedgerBroken
from sentiment_lib.records import Severity
from sentiment_lib.settings import Settings
from sentiment_lib.steps.erasure import tombstone_files
from sentiment_lib.storage import alerts, erasure_requests, ledger, tombstones, tweets
from sentiment_lib.storage.engine import Store, lock
from sentiment_lib.storage.erasure_audit import RECEIVED
from sentiment_lib.storage.erasure_requests import AGE, AUTHOR, COMPLIANCE, TWEETS, ErasureRequest, NewRequest
from sentiment_lib.text.privacy import author_hash

_LARGEST = 2**63
#: Characters of the longest name or id of an author.
LONGEST_AUTHOR = 200
#: Ways in which a request comes, as the ledger names them.
API, COMMAND, POLL, POLICY, RESTORE = "api", "command", "compliance", "policy", "restore"
#: Reason of a request for an author whom X names.
ACCOUNT: Mapping[str, int] = MappingProxyType({"account": 1})
#: What the ledger calls the tombstones, in hex, of tweets that are forgotten and may come in again: they were edited.
NOT_REFUSED = "not_refused"
#: Kind of the alert about tombstones that somebody's file took away.
LIFTED_BY_HAND = "tombstones_lifted"


@dataclass(frozen=True, kw_only=True)
class ErasureOrder:
    """What to forget; exactly one of the first four."""

    tweet_ids: Sequence[int] = ()
    #: name or id of an author, with or without @
    author: str = ""
    #: events of a compliance file
    compliance: Compliance | None = None
    #: tweets created before
    before: datetime | None = None
    requested_by: str
    #: the way it came in, for the ledger: COMMAND, POLL or POLICY
    channel: str = COMMAND
    #: details of who asked, for the ledger
    provenance: Mapping[str, object] = field(default_factory=dict)
    #: why its source names an author; nothing where somebody else does
    reasons: Mapping[str, int] = field(default_factory=dict)
    #: False where the ledger may not be appended to: the next run does it
    recorded: bool = True


def run(store: Store, settings: Settings, order: ErasureOrder, *, at: datetime | None = None) -> int:
    """Record the request and returns its id; nothing is erased yet.

    Raises BadInput for an order that names nothing, two things, or an id that is no tweet's.
    """
    kinds = [bool(order.tweet_ids), bool(order.author.strip()), order.compliance is not None, order.before is not None]
    if sum(kinds) != 1:
        raise BadInput(what="a request to forget", problem="name tweets, an author, a compliance file, or an age")
    now = at or clock.now()
    due_at = now + settings.policy.erasure.within
    if order.compliance is not None:
        return _comply(store, settings, order, order.compliance, due_at)
    if order.author.strip():
        if len(order.author.strip()) > LONGEST_AUTHOR:
            raise BadInput(what="the author", problem=f"a name has at most {LONGEST_AUTHOR} characters")
        request = NewRequest(
            kind=AUTHOR,
            requested_by=order.requested_by,
            due_at=due_at,
            subject={"author": order.author.strip()},
            author_hash=hashed_author(settings, order.author),
            reasons=order.reasons,
        )
        return _insert(store, order, request, (), ())
    if order.before is not None:
        request = NewRequest(kind=AGE, requested_by=order.requested_by, due_at=due_at)
        with store.begin() as connection:
            ids = tweets.created_before(connection, order.before)
        return _insert(store, order, request, ids, ids)
    if bad := [number for number in order.tweet_ids if not 0 < number < _LARGEST]:
        raise BadInput(what=f"tweet {bad[0]}", problem="it is no id of a tweet")
    request = NewRequest(kind=TWEETS, requested_by=order.requested_by, due_at=due_at)
    return _insert(store, order, request, order.tweet_ids, order.tweet_ids)


def count(store: Store, settings: Settings, order: ErasureOrder) -> int:
    """How many tweets a request of this order would name, stored or not, its accounts included. Raises as `run`."""
    with store.begin() as connection:
        if order.before is not None:
            return len(tweets.created_before(connection, order.before))
        events = order.compliance
        authors = sorted(events.authors) if events else [order.author] if order.author.strip() else []
        named = len(events.forget | events.change) if events else len(set(order.tweet_ids))
        return named + sum(tweets.count_of_author(connection, hashed_author(settings, author)) for author in authors)


def read_file(path: Path) -> Compliance:
    """Events of a compliance file. Raises BadInput for a file that cannot be read or holds anything else."""
    try:
        with path.open(encoding="utf-8") as file:
            return compliance_file.read(file, name=path.name)
    except OSError as error:
        raise BadInput(what=str(path), problem=f"it cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(what=str(path), problem="it is no UTF-8 text") from error


def _comply(store: Store, settings: Settings, order: ErasureOrder, events: Compliance, due_at: datetime) -> int:
    """Restored tweets lose their tombstones; accounts become requests of their own."""
    if events.restore or events.restored_authors:
        with store.begin() as connection:
            lock(connection, "erasure")
            lifted = _lift(connection, settings, events)
            # before the commit: a run that is killed in between lifts both again
            tombstone_files.lift(settings, lifted)
            if lifted and order.channel == COMMAND:
                _tell(connection, order.requested_by, len(lifted))
    for author in sorted(events.authors):
        run(store, settings, replace(order, author=author, compliance=None, reasons=ACCOUNT))
    request = NewRequest(kind=COMPLIANCE, requested_by=order.requested_by, due_at=due_at, reasons=dict(events.reasons))
    return _insert(store, order, request, sorted(events.forget | events.change), sorted(events.forget))


def _lift(connection: Connection, settings: Settings, events: Compliance) -> list[str]:
    """Take the tombstones of what the events restore away, but what somebody else asks to forget; in hex."""
    wanted = {
        hashed_author(settings, request.subject["author"])
        for request in erasure_requests.unfinished(connection)
        if request.kind == AUTHOR and not request.reasons and request.subject
    }
    authors = {hashed_author(settings, author): events.restored_at[author] for author in events.restored_authors}
    return tombstones.lift(
        connection,
        {tweet_id: events.restored_at[tweet_id] for tweet_id in events.restore},
        {author: at for author, at in authors.items() if author not in wanted},
    )


def _tell(connection: Connection, person: str, count: int) -> None:
    """Open the alert that somebody let in again what X had deleted, by a file that nobody signed."""
    alerts.open_alert(
        connection,
        kind=LIFTED_BY_HAND,
        severity=Severity.WARNING,
        dedup_key=f"{LIFTED_BY_HAND}:{person}",
        title=f"{person} let {count:,} forgotten tweets or authors in again",
        body="A compliance file said that X has restored them. What others asked to forget stays refused.",
    )


def claim(connection: Connection, settings: Settings, request: ErasureRequest) -> None:
    """Let X's word undo nothing that this request asks for, unless it is X's word itself."""
    if request.kind == COMPLIANCE or request.reasons:
        return
    for page in erasure_requests.targets(connection, request.request_id):
        tombstones.claim(connection, request.request_id, page)
    if author := (request.subject or {}).get("author"):
        tombstones.claim(connection, request.request_id, (), [hashed_author(settings, author)])


def hashed_author(settings: Settings, author: str) -> bytes:
    """The keyed hash of an author's name or id. Raises BadInput without the key."""
    key = settings.author_key.get_secret_value().encode()
    if not key:
        raise BadInput(what="SENTIMENT_AUTHOR_KEY", problem="it is not set; authors are stored as keyed hashes")
    return author_hash(author, key)


def _insert(
    store: Store, order: ErasureOrder, request: NewRequest, tweet_ids: Sequence[int], refuse: Sequence[int]
) -> int:
    with store.begin() as connection:
        request_id = erasure_requests.insert(connection, request, tweet_ids, refuse=refuse)
        if order.recorded:
            provenance = dict(order.provenance)
            if request.kind == COMPLIANCE:
                provenance[NOT_REFUSED] = tombstones.in_hex(connection, sorted({*tweet_ids} - {*refuse}))
            record(connection, request_id, order.channel, provenance)
            if request.kind == COMPLIANCE or request.reasons:
                # its next word is compared with this one
                authors = [] if request.author_hash is None else [request.author_hash]
                tombstones.claim(connection, request_id, refuse, authors)
    return request_id


def record(
    connection: Connection, request_id: int, channel: str, provenance: Mapping[str, object] = MappingProxyType({})
) -> None:
    """Write the request into the ledger, unless it is there: the API stores requests and may not append to it."""
    if ledger.find_genuine(connection, RECEIVED, {"request_id": request_id}) is None:
        request = erasure_requests.by_id(connection, request_id)
        ledger.append(connection, RECEIVED, {**facts(request), **provenance, "channel": channel})


def complete(connection: Connection, settings: Settings, request: ErasureRequest) -> None:
    """Name the tweets of an author and make the tombstones that a request lacks as it is carried out.

    The role of the API stores requests without `run`, and that of the steps may delete tombstones. Raises LedgerBroken
    for a request that names fewer tweets than when it came in.
    """
    entry = ledger.find_genuine(connection, RECEIVED, {"request_id": request.request_id})
    received = {} if entry is None else entry.facts()
    channel, authors = received.get("channel"), list[bytes]()
    lock(connection, "erasure")
    if request.subject:
        authors = [hashed_author(settings, request.subject["author"])]
        if channel == API and request.state == erasure_requests.RECEIVED:
            erasure_requests.name_stored_of(connection, request.request_id, authors[0])
    if request.state == erasure_requests.RECEIVED:
        _require_all(connection, request.request_id, received.get("named", 0))
    ids = erasure_requests.targets(connection, request.request_id)
    if NOT_REFUSED not in received and (request.kind == COMPLIANCE or channel == RESTORE):
        ids = iter(())  # recorded by an earlier release: nobody knows which were edited
    taken_again = frozenset(received.get(NOT_REFUSED, ()))
    tombstones.complete(connection, request.request_id, chain.from_iterable(ids), authors, but=taken_again)


def _require_all(connection: Connection, request_id: int, named: int) -> None:
    if (left := erasure_requests.count_targets(connection, request_id)) < named:
        problem = f"request {request_id} to forget named {named:,} tweets, and {named - left:,} were taken out of it"
        raise LedgerBroken(problem=problem)


def facts(request: ErasureRequest) -> dict[str, object]:
    """What the ledger says of a request: numbers and times, no id and no name of an author."""
    return {
        "request_id": request.request_id,
        "kind": request.kind,
        "requested_by": request.requested_by,
        "received_at": request.received_at.astimezone(UTC),
        "due_at": request.due_at.astimezone(UTC),
        "named": request.named,
        "reasons": dict(request.reasons),
    }
