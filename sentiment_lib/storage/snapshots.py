"""Snapshots: the current label of each tweet, and the frozen rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, func, insert, select, text

from sentiment_lib.errors import NotFound
from sentiment_lib.evaluation import frozen_rows
from sentiment_lib.records import CHUNKS, Snapshot, SplitRows, SyntheticRows
from sentiment_lib.storage import labelled_split, ledger, snapshot_chunks, snapshot_proofs
from sentiment_lib.storage.engine import lock
from sentiment_lib.storage.snapshot_chunks import StoredChunk
from sentiment_lib.storage.snapshot_proofs import ERASED
from sentiment_lib.storage.tables import SnapshotRow


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


def every(connection: Connection) -> list[Snapshot]:
    """All snapshots, oldest first."""
    return [Snapshot(**row) for row in connection.execute(_records().order_by(SnapshotRow.snapshot_id)).mappings()]


def _records() -> Any:
    return select(
        SnapshotRow.snapshot_id,
        SnapshotRow.content_hash,
        SnapshotRow.split_at,
        SnapshotRow.train_rows,
        SnapshotRow.holdout_rows,
        SnapshotRow.uri,
    )


def count_rows(frame: pd.DataFrame, split_at: datetime) -> SplitRows:
    """How many rows each part has in a frame with the columns part and synthetic."""
    train, holdout = (frame.loc[frame["part"] == part, "synthetic"] for part in frozen_rows.PARTS)
    synthetic = SyntheticRows(train=int(train.sum()), holdout=int(holdout.sum()))
    return SplitRows(split_at=split_at, train_rows=len(train), holdout_rows=len(holdout), synthetic=synthetic)


def store(connection: Connection, chunks: Sequence[StoredChunk], split: SplitRows, policy: dict[str, Any]) -> Snapshot:
    """The snapshot of these chunks, found or inserted with its ledger row. The caller holds the lock "snapshot"."""
    content_hash = frozen_rows.content_hash([chunk.root for chunk in chunks], split.split_at)
    if existing := find(connection, content_hash):
        return existing
    values: dict[str, Any] = {
        "content_hash": content_hash,
        "split_at": split.split_at.astimezone(UTC),
        "train_rows": split.train_rows,
        "holdout_rows": split.holdout_rows,
        "uri": CHUNKS,
    }
    recorded = {
        **values,
        "synthetic_train": split.synthetic.train,
        "synthetic_holdout": split.synthetic.holdout,
        "policy": policy,
    }
    snapshot_id, created_at = connection.execute(
        insert(SnapshotRow).values(**recorded).returning(SnapshotRow.snapshot_id, SnapshotRow.created_at)
    ).one()
    snapshot_chunks.put_into(connection, snapshot_id, [chunk.chunk_id for chunk in chunks])
    ledger.append(
        connection,
        "snapshot",
        {"snapshot_id": snapshot_id, **recorded, "created_at": created_at.astimezone(UTC)},
    )
    return Snapshot(snapshot_id=snapshot_id, **values)


@dataclass(frozen=True, kw_only=True)
class ErasedRows:
    """What an erasure took from snapshots; the files of the chunks follow, see `snapshot_files.rewrite_erased`."""

    #: frozen rows, of which a tweet has one for each label and part that it was frozen with
    rows: int = 0
    #: snapshots that held a tweet as a training row, and those that held one in the holdout
    learned: tuple[int, ...] = ()
    judged: tuple[int, ...] = ()


#: Snapshots with rows of these tweets that have no commitments.
WITHOUT_COMMITMENTS = text(
    "SELECT DISTINCT s.snapshot_id FROM frozen_rows f JOIN chunk_rows c USING (row_id) "
    "JOIN snapshot_contents s USING (chunk_id) WHERE f.tweet_id = ANY(:ids) AND f.salt IS NULL"
)
#: Rows that one ledger row names.
ERASED_TOGETHER = 10_000


def erase_rows(
    connection: Connection, request_id: int, tweet_ids: Sequence[int], *, unproven: Collection[int] = ()
) -> ErasedRows:
    """Erase the rows and salts of these tweets of a request from all snapshots; the leaves stay.

    Their labels are gone already, and they leave the labelled tweets as well. Idempotent: tweets that the request does
    not name, without rows, or erased before give nothing. The ledger, which is held until the commit, names the rows by
    number. Rows without commitments go where nothing rests on them: of no snapshot, of one that nobody signed, and of
    `unproven` snapshots. Raises ValueError where another snapshot of an earlier release holds one.
    """
    where = {"ids": list(tweet_ids), "request": request_id}
    lock(connection, "snapshot")
    for snapshot_id in connection.execute(WITHOUT_COMMITMENTS, where).scalars().all():
        if snapshot_id not in unproven and snapshot_proofs.waits_for_commitments(connection, snapshot_id):
            raise ValueError("the snapshots of earlier releases have to be committed first: `commit_snapshots.run`")
    labelled_split.forget(connection, tweet_ids)
    query = text("SELECT DISTINCT snapshot_id, part FROM snapshot_rows WHERE tweet_id = ANY(:ids) ORDER BY 1")
    held = [(row.snapshot_id, row.part) for row in connection.execute(query, where)]
    erase = text("SELECT erase_frozen_rows(:request, CAST(:ids AS bigint[]))")
    row_ids = sorted(int(row_id) for row_id in connection.execute(erase, where).scalars())
    for start in range(0, len(row_ids), ERASED_TOGETHER):
        ledger.append(connection, ERASED, {"row_ids": row_ids[start : start + ERASED_TOGETHER]})
    return ErasedRows(
        rows=len(row_ids),
        learned=tuple(snapshot_id for snapshot_id, part in held if part == "train"),
        judged=tuple(snapshot_id for snapshot_id, part in held if part == "holdout"),
    )


def holding(connection: Connection, request_id: int) -> list[int]:
    """Ids of the snapshots that hold a tweet which this request to forget names, oldest first."""
    query = text(
        "SELECT DISTINCT r.snapshot_id FROM snapshot_rows r JOIN erasure_targets e USING (tweet_id) "
        "WHERE e.request_id = :request ORDER BY r.snapshot_id"
    )
    return list(connection.execute(query, {"request": request_id}).scalars())


def count_left(connection: Connection, snapshot_id: int, part: str) -> int:
    """Rows of a part that the snapshot holds now, without those that were erased."""
    query = text("SELECT count(*) FROM snapshot_rows WHERE snapshot_id = :id AND part = :part")
    return int(connection.execute(query, {"id": snapshot_id, "part": part}).scalar_one())


def training_tweet_ids(connection: Connection, snapshot_id: int | None) -> set[int]:
    """Tweet ids of the snapshot's training part; empty for None."""
    if snapshot_id is None:
        return set()
    query = text("SELECT tweet_id FROM snapshot_rows WHERE snapshot_id = :id AND part = 'train'")
    return set(connection.execute(query, {"id": snapshot_id}).scalars())


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
