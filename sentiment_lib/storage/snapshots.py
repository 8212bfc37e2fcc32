"""Snapshots: the current label of each tweet, and the frozen rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, func, insert, select, text

from sentiment_lib.errors import NotFound
from sentiment_lib.evaluation.holdout_split import JUDGING
from sentiment_lib.evaluation.holdout_split import LABELLED as OF_TWEETS
from sentiment_lib.records import Snapshot, SyntheticRows
from sentiment_lib.storage import ledger
from sentiment_lib.storage.acting_labels import ACTS, NEWEST_FIRST, is_newest
from sentiment_lib.storage.engine import raw
from sentiment_lib.storage.tables import SnapshotRow, SnapshotTweetRow

# Acting audit labels and data-set labels may be used for evaluation: their tweets were not selected by content.
# Imported labels, corrections and labels from active learning have selection bias and are for training only, unless an
# import declared that its tweets were sampled at random.
# A label that the queue asked for because a model was unsure, or two disagreed, is "picked" (selection bias)
# the first source in the order of precedence wins; within a source the newest label; ties go to the most confident,
# then to the last stored
LABELLED = text(
    f"""
    SELECT t.tweet_id, t.created_at, t.text, t.airline, t.language, l.label,
           CASE WHEN l.source = 'person'
                     AND EXISTS (SELECT FROM label_picks k WHERE k.tweet_id = l.tweet_id AND k.kind <> 'second')
                THEN 'picked'
                WHEN l.source = 'audit' AND NOT {ACTS} THEN 'unconfirmed' ELSE l.source END AS label_source,
           j.label AS judging_label, j.source AS judging_source, j.inclusion_probability AS inclusion
    FROM (
        SELECT DISTINCT ON (tweet_id) tweet_id, label, source, labelled_by, labelled_at, confidence, label_id
        FROM labels l
        ORDER BY tweet_id, array_position(CAST(:precedence AS text[]), source) NULLS LAST, {NEWEST_FIRST}
    ) l JOIN tweets t USING (tweet_id)
    LEFT JOIN (
        SELECT DISTINCT ON (tweet_id) tweet_id, label, inclusion_probability,
               CASE source WHEN 'person' THEN 'declared' ELSE source END AS source
        FROM labels l
        WHERE source = 'dataset' OR (source = 'audit' AND {ACTS})
           OR (source = 'person' AND inclusion_probability IS NOT NULL AND {is_newest("l")})
        ORDER BY tweet_id, array_position(ARRAY['audit', 'person', 'dataset'], source), {NEWEST_FIRST}
    ) j USING (tweet_id)
    WHERE (CAST(:until AS timestamptz) IS NULL OR t.created_at < CAST(:until AS timestamptz))
      AND (NOT t.synthetic OR NOT :real)
    ORDER BY t.created_at, t.tweet_id
    """
)
# feedback is biased and never enters a holdout, so it does not end the use of synthetic tweets
REAL_LABELS = text(
    """
    SELECT EXISTS (
        SELECT FROM labels l JOIN tweets t USING (tweet_id) WHERE NOT t.synthetic AND l.source <> 'feedback'
    )
    """
)


def labelled(
    connection: Connection, precedence: Sequence[str], until: datetime | None = None, *, auditors: Sequence[str] = ()
) -> pd.DataFrame:
    """Each labelled tweet once, with its current label, oldest first; columns of `evaluation.holdout_split`.

    Synthetic tweets are left out as soon as a real tweet has a label: they must not train or evaluate real models.
    """
    parameters = {
        "precedence": list(precedence),
        "until": until,
        "real": has_real_labels(connection),
        "auditors": list(auditors),
    }
    rows = connection.execute(LABELLED, parameters).all()
    frame = pd.DataFrame(rows, columns=[*OF_TWEETS, *JUDGING])
    frame["created_at"] = pd.to_datetime(frame["created_at"], utc=True)
    return frame


def has_real_labels(connection: Connection) -> bool:
    """Whether a tweet that is not synthetic has a label other than feedback."""
    return bool(connection.scalar(REAL_LABELS))


def synthetic_rows(connection: Connection, snapshot_id: int) -> SyntheticRows:
    """How many rows of the snapshot are synthetic tweets."""
    row = connection.execute(
        select(SnapshotRow.synthetic_train, SnapshotRow.synthetic_holdout).where(SnapshotRow.snapshot_id == snapshot_id)
    ).one_or_none()
    return SyntheticRows(train=row[0], holdout=row[1]) if row else SyntheticRows()


def find(connection: Connection, content_hash: str) -> Snapshot | None:
    """The snapshot with this content hash; None without one."""
    row = connection.execute(_records().where(SnapshotRow.content_hash == content_hash)).mappings().one_or_none()
    return Snapshot(**row) if row else None


def by_id(connection: Connection, snapshot_id: int) -> Snapshot:
    """The snapshot with this id. Raises NotFound for an unknown id."""
    row = connection.execute(_records().where(SnapshotRow.snapshot_id == snapshot_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(what="snapshot", key=snapshot_id)
    return Snapshot(**row)


def newest(connection: Connection, limit: int) -> list[Snapshot]:
    """The newest snapshots, newest first."""
    query = _records().order_by(SnapshotRow.snapshot_id.desc()).limit(limit)
    return [Snapshot(**row) for row in connection.execute(query).mappings()]


def _records() -> Any:
    return select(
        SnapshotRow.snapshot_id,
        SnapshotRow.content_hash,
        SnapshotRow.split_at,
        SnapshotRow.train_rows,
        SnapshotRow.holdout_rows,
        SnapshotRow.uri,
    )


def store(
    connection: Connection,
    frame: pd.DataFrame,
    *,
    content_hash: str,
    split_at: datetime,
    uri: str,
    policy: dict[str, Any],
) -> Snapshot:
    """Insert a snapshot, its rows (columns tweet_id, label and part of `frame`) and its ledger row."""
    counts = frame["part"].value_counts()
    values: dict[str, Any] = {
        "content_hash": content_hash,
        "split_at": split_at,
        "train_rows": int(counts.get("train", 0)),
        "holdout_rows": int(counts.get("holdout", 0)),
        "uri": uri,
    }
    synthetic = _count_synthetic(connection, frame)
    snapshot_id, created_at = connection.execute(
        insert(SnapshotRow)
        .values(**values, **synthetic, policy=policy)
        .returning(SnapshotRow.snapshot_id, SnapshotRow.created_at)
    ).one()
    with raw(connection).cursor().copy("COPY snapshot_rows (snapshot_id, tweet_id, label, part) FROM STDIN") as copy:
        for tweet_id, label, part in zip(frame["tweet_id"], frame["label"], frame["part"], strict=True):
            copy.write_row((snapshot_id, int(tweet_id), label, part))
    facts = {
        "snapshot_id": snapshot_id,
        **values,
        **synthetic,
        "policy": policy,
        "created_at": created_at.astimezone(UTC),
    }
    ledger.append(connection, "snapshot", facts | {"rows_hash": rows_hash(connection, snapshot_id)})
    return Snapshot(snapshot_id=snapshot_id, **values)


def _count_synthetic(connection: Connection, frame: pd.DataFrame) -> dict[str, int]:
    """Values of the columns that count synthetic rows; `frame` has the columns tweet_id and part."""
    query = text("SELECT count(*) FROM tweets WHERE synthetic AND tweet_id = ANY(:ids)")
    return {
        f"synthetic_{part}": connection.execute(
            query, {"ids": frame.loc[frame["part"] == part, "tweet_id"].tolist()}
        ).scalar_one()
        for part in ("train", "holdout")
    }


def rows_hash(connection: Connection, snapshot_id: int) -> str:
    """SHA-256 of the snapshot's rows in the database: a line "tweet_id,label,part" each, by id."""
    query = (
        select(SnapshotTweetRow.tweet_id, SnapshotTweetRow.label, SnapshotTweetRow.part)
        .where(SnapshotTweetRow.snapshot_id == snapshot_id)
        .order_by(SnapshotTweetRow.tweet_id)
    )
    return _hash_rows(connection.execute(query, execution_options={"yield_per": 10_000}))


def frame_hash(frame: pd.DataFrame) -> str:
    """The same hash of a frame with the columns tweet_id, label and part."""
    ordered = frame.sort_values("tweet_id")
    return _hash_rows(zip(ordered["tweet_id"], ordered["label"], ordered["part"], strict=True))


def _hash_rows(rows: Iterable[Sequence[Any]]) -> str:
    digest = hashlib.sha256()
    for tweet_id, label, part in rows:
        digest.update(f"{tweet_id},{label},{part}\n".encode())
    return digest.hexdigest()


def training_tweet_ids(connection: Connection, snapshot_id: int | None) -> set[int]:
    """Tweet ids of the snapshot's training part; empty for None."""
    if snapshot_id is None:
        return set()
    query = select(SnapshotTweetRow.tweet_id).where(
        SnapshotTweetRow.snapshot_id == snapshot_id, SnapshotTweetRow.part == "train"
    )
    return set(connection.execute(query).scalars())


def last_created_at(connection: Connection) -> datetime | None:
    """When the newest snapshot was created; None without one."""
    return connection.scalar(select(func.max(SnapshotRow.created_at)))


def labelled_tweets(connection: Connection, snapshot_id: int) -> pd.DataFrame:
    """Tweets of a snapshot with the frozen label, oldest first. Raises NotFound for an unknown id.

    Columns: tweet_id, text, airline, language, created_at, true_label.
    """
    result = connection.execute(
        text(
            "SELECT t.tweet_id, t.text, t.airline, t.language, t.created_at, s.label AS true_label "
            "FROM snapshot_rows s JOIN tweets t USING (tweet_id) WHERE s.snapshot_id = :id "
            "ORDER BY t.created_at, t.tweet_id"
        ),
        {"id": snapshot_id},
    )
    frame = pd.DataFrame(result.all(), columns=list(result.keys()))
    if frame.empty:
        raise NotFound(what="snapshot", key=snapshot_id)
    return frame
