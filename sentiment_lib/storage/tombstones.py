"""Tombstones: what was forgotten, as keyed hashes. Every path by which a tweet or a label comes in asks here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, groupby, islice
from operator import itemgetter
from types import MappingProxyType

from sqlalchemy import Connection, text

from sentiment_lib.errors import TombstoneKeyMissing
from sentiment_lib.storage import ledger
from sentiment_lib.storage.engine import Store, lock, tombstone_key
from sentiment_lib.tombstone_key import AUTHOR, TWEET, TombstoneKey

#: Kind of the ledger rows of tombstones that were taken away.
LIFTED = "tombstones_lifted"
#: Tweets whose tombstones are looked up by one query.
BATCH = 10_000
KNOWN = text("SELECT hash FROM tombstones WHERE hash = ANY(:hashes)")
STORE = text(
    "INSERT INTO tombstones (hash, kind, key_id, request_id) SELECT DISTINCT ON (hash) hash, kind, :key, :request "
    "FROM unnest(CAST(:hashes AS bytea[]), CAST(:kinds AS text[])) made (hash, kind) ORDER BY hash "
    "ON CONFLICT (hash) DO NOTHING"
)
#: Requests (r) by word of the source of tweets; those of accounts have the reason that it gave.
BY_SOURCE = "(r.kind = 'compliance' OR r.reasons <> '{}'::jsonb)"
LIFT = text(
    "DELETE FROM tombstones t USING erasure_requests r, "
    "unnest(CAST(:hashes AS bytea[]), CAST(:moments AS timestamptz[])) restored (hash, moment) "
    f"WHERE t.hash = restored.hash AND r.request_id = t.request_id AND {BY_SOURCE} "
    "AND restored.moment >= r.received_at RETURNING t.request_id, t.hash, t.kind"
)
# what a request for an account of the source refuses beside the account: its tweets
LIFT_OF_ACCOUNTS = text(
    "DELETE FROM tombstones WHERE request_id = ANY(:requests) AND kind = 'tweet' AND hash <> ALL(:wanted) "
    "RETURNING request_id, hash, kind"
)
CLAIM = text(
    "DELETE FROM tombstones t USING erasure_requests r WHERE t.hash = ANY(:hashes) AND r.request_id = t.request_id "
    f"AND t.request_id <> :request AND {BY_SOURCE} RETURNING t.request_id, t.hash, t.kind"
)
# open requests name tweets that their source may have asked for before
WANTED = text(
    "SELECT e.tweet_id FROM erasure_targets e JOIN erasure_requests r USING (request_id) "
    f"WHERE e.tweet_id = ANY(:ids) AND NOT {BY_SOURCE}"
)
WANTED_BY_ALL = text(
    f"SELECT e.tweet_id FROM erasure_targets e JOIN erasure_requests r USING (request_id) WHERE NOT {BY_SOURCE}"
)
# what roles may store of a tweet without it
_REFERRING = " UNION ".join(
    f"SELECT tweet_id FROM {table} r WHERE NOT EXISTS (SELECT FROM tweets s WHERE s.tweet_id = r.tweet_id)"
    for table in ("labels", "label_picks", "feedback", "tweets_to_score", "predictions")
)
# the ends of an index, whatever the number of tombstones
KEYS = text("SELECT min(key_id) AS first, max(key_id) AS last FROM tombstones")


@dataclass(frozen=True, kw_only=True)
class Refused:
    """Which of some tweets and authors were forgotten."""

    tweets: frozenset[int] = frozenset()
    #: keyed hashes, as in `tweets.author_hash`
    authors: frozenset[bytes] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.tweets or self.authors)

    def refuses(self, tweet_id: int, author_hash: bytes | None) -> bool:
        """Whether this tweet may not come in again."""
        return tweet_id in self.tweets or author_hash in self.authors


#: Which of these tweets and authors were forgotten.
Check = Callable[[Iterable[int], Iterable[bytes]], Refused]


def checker(connection: Connection, store: Store) -> Check | None:
    """What checks rows that this transaction stores, by a connection of its own: this one may be busy with COPY.

    None where nothing was forgotten. No tweet is forgotten until the transaction ends. Raises TombstoneKeyMissing
    without the key of the tombstones that are stored.
    """
    lock(connection, "erasure", shared=True)
    if _key_of_stored(connection) is None:
        return None

    def check(tweet_ids: Iterable[int], authors: Iterable[bytes]) -> Refused:
        with store.begin() as other:
            return find(other, tweet_ids, authors)

    return check


def refused(connection: Connection, tweet_ids: Iterable[int], authors: Iterable[bytes] = ()) -> Refused:
    """Which were forgotten; none is forgotten until this transaction ends. Raises TombstoneKeyMissing."""
    lock(connection, "erasure", shared=True)
    return find(connection, tweet_ids, authors)


def find(connection: Connection, tweet_ids: Iterable[int], authors: Iterable[bytes] = ()) -> Refused:
    """Which were forgotten by now. Raises TombstoneKeyMissing without the key of the tombstones that are stored."""
    key = _key_of_stored(connection)
    if key is None:
        return Refused()
    by_tweet = {key.of_tweet(tweet_id): tweet_id for tweet_id in tweet_ids}
    by_author = {key.of_author(author): author for author in set(authors)}
    hashes = [*by_tweet, *by_author]
    known = connection.execute(KNOWN, {"hashes": hashes}).scalars().all() if hashes else ()
    return Refused(
        tweets=frozenset(by_tweet[found] for found in known if found in by_tweet),
        authors=frozenset(by_author[found] for found in known if found in by_author),
    )


def _key_of_stored(connection: Connection) -> TombstoneKey | None:
    """The key of the tombstones; None without any. Raises TombstoneKeyMissing when it is not the one that made them."""
    keys = connection.execute(KEYS).one()
    if keys.first is None:
        return None
    key = tombstone_key(connection)
    if {keys.first, keys.last} != {key.key_id}:
        raise TombstoneKeyMissing(path=key.path, problem="the tombstones were made with another key")
    return key


def store(connection: Connection, request_id: int, tweet_ids: Iterable[int], authors: Collection[bytes] = ()) -> int:
    """Make tombstones of tweets and authors (keyed hashes); returns how many are new. Creates the key where none is."""
    key = _key_of_stored(connection) or tombstone_key(connection).create()
    made = chain(
        ((key.of_tweet(tweet_id), TWEET) for tweet_id in tweet_ids),
        ((key.of_author(author), AUTHOR) for author in authors),
    )
    return store_hashes(connection, request_id, made, key_id=key.key_id)


def in_hex(connection: Connection, tweet_ids: Iterable[int]) -> list[str]:
    """Tombstones of these tweets, stored or not, in hex. Creates the key where none is."""
    key = _key_of_stored(connection) or tombstone_key(connection).create()
    return [key.of_tweet(tweet_id).hex() for tweet_id in tweet_ids]


def complete(
    connection: Connection,
    request_id: int,
    tweet_ids: Iterable[int],
    authors: Collection[bytes] = (),
    *,
    but: Collection[str] = (),
) -> int:
    """Make the tombstones that a request lacks, but these (hex) and those lifted since; returns how many are new."""
    key = _key_of_stored(connection) or tombstone_key(connection).create()
    taken_away = lifted(connection)[request_id].union(but)
    made = ((key.of_tweet(tweet_id), TWEET) for tweet_id in tweet_ids)
    of_authors = ((key.of_author(author), AUTHOR) for author in authors)
    lacking = (one for one in chain(made, of_authors) if one[0].hex() not in taken_away)
    return store_hashes(connection, request_id, lacking, key_id=key.key_id)


def lifted(connection: Connection) -> defaultdict[int, set[str]]:
    """Tombstones, in hex, that were taken away because their source restored the tweet, by request."""
    found = defaultdict[int, set[str]](set)
    for entry in ledger.genuine_entries(connection, (LIFTED,)):
        found[int(entry.facts()["request_id"])] |= set(entry.facts()["hashes"])
    return found


def store_hashes(connection: Connection, request_id: int, made: Iterable[tuple[bytes, str]], *, key_id: str) -> int:
    """Store tombstones (hash, kind) that this key made; returns how many are new."""
    rows, new = iter(made), 0
    while batch := list(islice(rows, BATCH)):
        values = {"hashes": [one for one, _ in batch], "kinds": [kind for _, kind in batch]}
        new += connection.execute(STORE, {"key": key_id, "request": request_id, **values}).rowcount
    return new


def lift(
    connection: Connection,
    tweets: Mapping[int, datetime],
    authors: Mapping[bytes, datetime] = MappingProxyType({}),
) -> list[str]:
    """Take the tombstones away that only their source asked for, and that it has restored; returns them in hex.

    tweets, authors: when they were restored; with an account, the tweets that were forgotten because of it alone. What
    somebody else has asked to forget as well stays refused, and so does what was forgotten after it was restored. The
    ledger has each: a tombstone that is gone without a row there was removed by somebody else.
    """
    key = _key_of_stored(connection)
    if key is None:
        return []
    wanted = set(connection.execute(WANTED, {"ids": list(tweets)}).scalars())
    restored = {key.of_tweet(tweet_id): at for tweet_id, at in tweets.items() if tweet_id not in wanted}
    restored |= {key.of_author(author): at for author, at in authors.items()}
    values = {"hashes": list(restored), "moments": list(restored.values())}
    taken_away = list(connection.execute(LIFT, values))
    if accounts := [row.request_id for row in taken_away if row.kind == AUTHOR]:
        others = [key.of_tweet(tweet_id) for tweet_id in connection.execute(WANTED_BY_ALL).scalars()]
        taken_away += connection.execute(LIFT_OF_ACCOUNTS, {"requests": accounts, "wanted": others})
    return _record_lifted(connection, ((row.request_id, bytes(row.hash).hex()) for row in taken_away))


def claim(connection: Connection, request_id: int, tweet_ids: Iterable[int], authors: Iterable[bytes] = ()) -> None:
    """Make tombstones of these tweets and authors that their source asked for before those of this request.

    What the source has restored before this request, or at all where it is somebody else's, stays refused.
    """
    key = _key_of_stored(connection)
    if key is None:
        return
    hashes = [*(key.of_tweet(tweet_id) for tweet_id in tweet_ids), *(key.of_author(author) for author in authors)]
    claimed = list(connection.execute(CLAIM, {"hashes": hashes, "request": request_id}))
    if accounts := [row.request_id for row in claimed if row.kind == AUTHOR]:
        claimed += connection.execute(LIFT_OF_ACCOUNTS, {"requests": accounts, "wanted": []})
    made = [(bytes(row.hash), str(row.kind)) for row in claimed]
    _record_lifted(connection, ((row.request_id, bytes(row.hash).hex()) for row in claimed), claimed_by=request_id)
    store_hashes(connection, request_id, made, key_id=key.key_id)


def _record_lifted(connection: Connection, rows: Iterable[tuple[int, str]], **more: object) -> list[str]:
    taken_away = sorted(rows)
    for request_id, group in groupby(taken_away, key=itemgetter(0)):
        of_this = [value for _, value in group]
        for start in range(0, len(of_this), BATCH):
            facts = {"request_id": request_id, "hashes": of_this[start : start + BATCH], **more}
            ledger.append(connection, LIFTED, facts)
    return [value for _, value in taken_away]


def of_request(connection: Connection, request_id: int) -> list[str]:
    """Tombstones that the request made and that are not lifted, in hex, in order."""
    query = text("SELECT hash FROM tombstones WHERE request_id = :request ORDER BY hash")
    return [bytes(found).hex() for found in connection.execute(query, {"request": request_id}).scalars()]


def any_stored(connection: Connection) -> bool:
    """Whether anything was forgotten."""
    return connection.execute(KEYS).one().first is not None


def stored_again(connection: Connection) -> Iterator[int]:
    """Ids of forgotten tweets that are stored, or of which predictions, labels, feedback and the like are.

    Without those that an open request names: none, unless somebody put them back. Reads the id of every tweet.
    """
    if _key_of_stored(connection) is None:
        return
    for kept in (
        "tweets",
        f"(SELECT tweet_id, CAST(NULL AS bytea) AS author_hash FROM ({_REFERRING}) named)",
    ):
        query = text(
            f"SELECT tweet_id, author_hash FROM {kept} t "
            "WHERE NOT EXISTS (SELECT FROM erasure_targets e JOIN erasure_requests r USING (request_id) "
            "WHERE e.tweet_id = t.tweet_id AND r.state IN ('received', 'erasing')) ORDER BY tweet_id"
        )
        rows = iter(connection.execute(query, execution_options={"yield_per": BATCH}))
        while batch := list(islice(rows, BATCH)):
            authors = [row.author_hash for row in batch if row.author_hash is not None]
            forgotten = find(connection, [row.tweet_id for row in batch], authors)
            yield from (row.tweet_id for row in batch if forgotten.refuses(row.tweet_id, row.author_hash))
