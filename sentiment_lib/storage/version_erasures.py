"""Versions that learned from forgotten tweets: which, how, by what they are replaced, and when they are erased."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from sentiment_lib.storage import ledger
from sentiment_lib.training_record import UnlabelledTweets

TRAINED, INHERITED, UNLABELLED = "trained", "inherited", "unlabelled"
#: Kind of the ledger row of an erased package.
ERASED = "package_erased"

NAMED_IN_TRAINING = text(
    "SELECT v.version, count(*) AS rows FROM erasure_targets e JOIN snapshot_rows r USING (tweet_id) "
    "JOIN model_versions v USING (snapshot_id) WHERE e.request_id = :request AND r.part = 'train' "
    "GROUP BY v.version ORDER BY v.version"
)
# the same tweets as `tweets.texts`
NAMED_UNLABELLED = text(
    """
    SELECT count(*) FROM (
        SELECT t.tweet_id FROM tweets t JOIN ingests i USING (ingest_id) WHERE t.created_at < :before
          AND t.collected_at <= :collected AND NOT t.synthetic AND i.source <> 'api'
          AND NOT EXISTS (SELECT FROM snapshot_rows r WHERE r.snapshot_id = :snapshot AND r.tweet_id = t.tweet_id)
        ORDER BY t.created_at DESC, t.tweet_id DESC LIMIT :limit) read
    JOIN erasure_targets e ON e.tweet_id = read.tweet_id AND e.request_id = :request
    """
)


@dataclass(frozen=True, kw_only=True)
class VersionErasure:
    """A version that learned from a tweet which a request names."""

    request_id: int
    version: int
    #: TRAINED, INHERITED or UNLABELLED
    relation: str
    #: forgotten tweets among its own training rows
    rows: int
    due_at: datetime
    #: whether it is still to be trained without the tweets
    retrain: bool
    #: the version trained without the tweets
    replacement: int | None
    #: whether a second training without the tweets gave the same package; None when there was none
    exact: bool | None
    erased_at: datetime | None


_COLUMNS = ", ".join(VersionErasure.__dataclass_fields__)


def trained_on_targets(connection: Connection, request_id: int) -> dict[int, int]:
    """Versions with training rows that the request names, and their numbers of such rows."""
    return {row.version: row.rows for row in connection.execute(NAMED_IN_TRAINING, {"request": request_id})}


def count_unlabelled(connection: Connection, request_id: int, query: UnlabelledTweets) -> int:
    """How many tweets of the request a training read without labels."""
    where = {
        "request": request_id,
        "before": datetime.fromisoformat(query.before),
        "collected": datetime.fromisoformat(query.collected),
        "snapshot": query.snapshot_id,
        "limit": query.limit,
    }
    return int(connection.execute(NAMED_UNLABELLED, where).scalar_one())


def name(connection: Connection, request_id: int, versions: Mapping[int, tuple[str, int]], due_at: datetime) -> None:
    """Record which versions learned from the request's tweets: version -> (relation, rows); those named before stay."""
    for version, (relation, rows) in versions.items():
        connection.execute(
            text(
                "INSERT INTO version_erasures (request_id, version, relation, rows, due_at) "
                "VALUES (:request, :version, :relation, :rows, :due) ON CONFLICT DO NOTHING"
            ),
            {"request": request_id, "version": version, "relation": relation, "rows": rows, "due": due_at},
        )


def of_request(connection: Connection, request_id: int) -> list[VersionErasure]:
    """What is recorded for the request, by version."""
    query = text(f"SELECT {_COLUMNS} FROM version_erasures WHERE request_id = :request ORDER BY version")
    return [VersionErasure(**row) for row in connection.execute(query, {"request": request_id}).mappings()]


def waiting(connection: Connection) -> list[VersionErasure]:
    """Versions whose packages are not erased, the most urgent first."""
    return _where(connection, "erased_at IS NULL")


def to_retrain(connection: Connection) -> list[VersionErasure]:
    """Versions that are still to be trained without forgotten tweets, erased or not, the most urgent first."""
    return _where(connection, "retrain")


def _where(connection: Connection, condition: str) -> list[VersionErasure]:
    query = text(f"SELECT {_COLUMNS} FROM version_erasures WHERE {condition} ORDER BY due_at, version")
    return [VersionErasure(**row) for row in connection.execute(query).mappings()]


def set_retrain(connection: Connection, versions: Collection[int]) -> None:
    """Record that of the versions that learned from forgotten tweets exactly these are still to be trained again."""
    connection.execute(
        text(
            "UPDATE version_erasures SET retrain = NOT retrain "
            "WHERE retrain <> (replacement IS NULL AND version = ANY(:versions))"
        ),
        {"versions": list(versions)},
    )


def erased_versions(connection: Connection) -> frozenset[int]:
    """Versions whose packages a signed row of the ledger says were erased."""
    entries = ledger.genuine_entries(connection, (ERASED,))
    return frozenset(int(entry.facts()["version"]) for entry in entries)


def erased_digests(connection: Connection) -> list[str]:
    """Digests of packages that were erased and that no version shares which is not."""
    query = text(
        "SELECT v.digest FROM model_versions v GROUP BY v.digest HAVING bool_and(EXISTS ("
        "SELECT FROM version_erasures e WHERE e.version = v.version AND e.erased_at IS NOT NULL))"
    )
    return list(connection.execute(query).scalars())


def give_up_retrain(connection: Connection, version: int) -> None:
    """Record that a version cannot be trained again, if its package is erased; one that serves is tried again."""
    query = text("UPDATE version_erasures SET retrain = false WHERE version = :version AND erased_at IS NOT NULL")
    connection.execute(query, {"version": version})


def set_replacement(connection: Connection, version: int, replacement: int, *, exact: bool | None) -> None:
    """Record by what a version is replaced, for every request that named it; its package may be gone by then.

    A version that it replaced itself is replaced by the same one.
    """
    connection.execute(
        text(
            "UPDATE version_erasures SET replacement = :replacement, exact = :exact, retrain = false "
            "WHERE replacement IS NULL AND (version = :version "
            "OR version IN (SELECT version FROM version_erasures WHERE replacement = :version))"
        ),
        {"version": version, "replacement": replacement, "exact": exact},
    )


def mark_erased(connection: Connection, version: int, digest: str) -> None:
    """Record that package, run and cached copies are gone, with a row of the ledger. Run again, it changes nothing."""
    marked = connection.execute(
        text("UPDATE version_erasures SET erased_at = now() WHERE version = :version AND erased_at IS NULL"),
        {"version": version},
    ).rowcount
    if marked:
        ledger.append(connection, ERASED, {"version": version, "digest": digest})


def named(connection: Connection, versions: Collection[int]) -> frozenset[int]:
    """Those of the versions that learned from a forgotten tweet, whether they are erased or not."""
    query = text("SELECT DISTINCT version FROM version_erasures WHERE version = ANY(:versions)")
    return frozenset(connection.execute(query, {"versions": list(versions)}).scalars())


def relearned(connection: Connection, versions: Collection[int]) -> dict[int, int]:
    """Replacement of each of these versions that has one; of one that was replaced itself, the last.

    The last one may have learned from a tweet that was forgotten later.
    """
    query = text(
        """
        WITH RECURSIVE replaced AS (
            SELECT version, replacement FROM version_erasures
            WHERE version = ANY(:versions) AND replacement IS NOT NULL
            UNION
            SELECT r.version, e.replacement FROM replaced r JOIN version_erasures e ON e.version = r.replacement
            WHERE e.replacement IS NOT NULL)
        SELECT version, max(replacement) AS replacement FROM replaced GROUP BY version
        """
    )
    return {row.version: row.replacement for row in connection.execute(query, {"versions": list(versions)})}
