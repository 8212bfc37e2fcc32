"""Files of snapshots: one Parquet file for each chunk, named by its root, and those of earlier releases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from sentiment_lib.errors import LedgerBroken
from sentiment_lib.evaluation import frozen_rows, holdout_split
from sentiment_lib.files import replace_atomically
from sentiment_lib.hashing import is_digest
from sentiment_lib.records import CHUNKS, Snapshot
from sentiment_lib.settings import Settings
from sentiment_lib.storage import forged_records, snapshot_chunks, snapshot_proofs
from sentiment_lib.storage.engine import Store, lock
from sentiment_lib.storage.snapshot_chunks import Chunk, CommittedRow

#: Column of a chunk's file that no other file has: the row's place in the chunk, which an erasure leaves empty.
POSITION = "position"


def path_of(settings: Settings, root: str) -> Path:
    """Where the file of a chunk lies."""
    return settings.snapshots / CHUNKS / f"{root}.parquet"


def write_missing(settings: Settings, root: str, rows: pd.DataFrame) -> None:
    """Write the file of a chunk with these rows (columns `holdout_split.COLUMNS`), unless it is there."""
    if not path_of(settings, root).exists():
        _write(settings, root, rows.assign(**{POSITION: range(len(rows))}))


def _write(settings: Settings, root: str, rows: pd.DataFrame) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            (POSITION, pa.int32()),
            ("tweet_id", pa.int64()),
            ("created_at", pa.timestamp("us", tz="UTC")),
            *((name, pa.string()) for name in holdout_split.COLUMNS if name not in ("tweet_id", "created_at")),
        ]
    )
    with replace_atomically(path_of(settings, root)) as draft:
        pq.write_table(pa.Table.from_pandas(rows, schema=schema, preserve_index=False), draft)


def read(store: Store, settings: Settings, snapshot: Snapshot) -> pd.DataFrame:
    """The rows of the snapshot (columns `holdout_split.COLUMNS`), without those that were erased.

    Raises LedgerBroken when a file is missing, or when it or the rows in the database are not what was recorded.
    """
    if _is_whole(store, snapshot):
        return _read_whole(settings, snapshot)
    return pd.concat(_read_chunks(store, settings, snapshot, set()), ignore_index=True)


def verify(store: Store, settings: Settings, snapshot: Snapshot, verified: set[int]) -> None:
    """Read the snapshot's files; of its chunks those that are not in `verified`, to which they are added.

    Raises LedgerBroken as `read` does.
    """
    if not _is_whole(store, snapshot):
        for _ in _read_chunks(store, settings, snapshot, verified):
            continue
        return
    frame = _read_whole(settings, snapshot)
    with store.begin() as connection:
        if snapshot_proofs.rows_hash(connection, snapshot.snapshot_id) != snapshot_proofs.frame_hash(frame):
            raise LedgerBroken(problem="its rows in the database are not its file's")


def _read_chunks(store: Store, settings: Settings, snapshot: Snapshot, verified: set[int]) -> Iterator[pd.DataFrame]:
    """The rows of each chunk that is not in `verified`, to which it is added."""
    name = f"snapshot {snapshot.snapshot_id}"
    with store.begin() as connection:
        chunks = snapshot_chunks.of_snapshot(connection, snapshot.snapshot_id)
        proof = snapshot_proofs.proof_of(connection, snapshot)
        problem = snapshot_proofs.contents_problem(chunks, proof) if proof else "nothing proves its chunks"
        if problem:
            raise LedgerBroken(problem=f"{name} was changed: {problem}")
    for chunk in chunks:
        if chunk.chunk_id not in verified:
            verified.add(chunk.chunk_id)
            rows = _committed(store, chunk, name)
            try:
                frame = read_chunk(settings, chunk, rows, name)
            except LedgerBroken:
                rows, before = _committed(store, chunk, name), rows
                if rows == before:
                    raise
                frame = read_chunk(settings, chunk, rows, name)  # rows were erased meanwhile
            yield frame


def _is_whole(store: Store, snapshot: Snapshot) -> bool:
    """Whether one file of an earlier release holds its rows."""
    with store.begin() as connection:
        return snapshot_proofs.proof_of(connection, snapshot) is None


def _committed(store: Store, chunk: Chunk, name: str) -> list[CommittedRow]:
    """The chunk's rows in the database. Raises LedgerBroken when they are not what was recorded."""
    with store.begin() as connection:
        rows = snapshot_chunks.rows_of(connection, chunk.chunk_id)
        if problem := snapshot_proofs.rows_problem(connection, chunk, rows):
            raise LedgerBroken(problem=f"the rows of {name} in the database were changed: {problem}")
    return rows


def read_chunk(settings: Settings, chunk: Chunk, committed: Sequence[CommittedRow], name: str) -> pd.DataFrame:
    """The rows of a chunk's file; `committed`: the verified rows in the database, and `name` whose they are.

    Raises LedgerBroken when the file is missing or does not hold these rows. Rows that were erased since the file was
    written are left out.
    """
    path = path_of(settings, chunk.root)
    if not path.exists():
        raise LedgerBroken(problem=f"a file of {name} is gone: {path}")
    frame = _parse(path, name)
    kept = {row.position: row for row in committed if row.tweet_id is not None}
    frame = frame[frame[POSITION].isin(kept)]
    rows = [kept[position] for position in frame[POSITION]]
    same = (
        len(rows) == len(kept)
        and frame[POSITION].is_monotonic_increasing
        and [(row.tweet_id, row.label, row.part) for row in rows]
        == list(zip(frame["tweet_id"], frame["label"], frame["part"], strict=True))
        and [row.content for row in rows]
        == [
            frozen_rows.commit_content(row.salt or b"", content)
            for row, content in zip(rows, frozen_rows.contents(frame), strict=True)
        ]
    )
    if not same:
        raise LedgerBroken(problem=f"a file of {name} was changed: {path}")
    return frame[list(holdout_split.COLUMNS)]


def _parse(path: Path, name: str) -> pd.DataFrame:
    """The file as a frame. Raises LedgerBroken where it is no Parquet file with the columns of a chunk."""
    try:
        frame = pd.read_parquet(path)
        return frame.astype({POSITION: "int64"})[[POSITION, *holdout_split.COLUMNS]]
    except _unreadable() as error:
        raise LedgerBroken(problem=f"a file of {name} was changed: {path} ({error})") from error


def _unreadable() -> tuple[type[Exception], ...]:
    """What reading a file raises that is no Parquet file, or has other columns."""
    import pyarrow as pa

    return pa.ArrowException, OSError, KeyError, ValueError, TypeError, AttributeError


def _read_whole(settings: Settings, snapshot: Snapshot) -> pd.DataFrame:
    path = settings.snapshots / snapshot.uri
    if not path.exists():
        raise LedgerBroken(problem=f"the file of snapshot {snapshot.snapshot_id} is gone: {path}")
    changed = f"the file of snapshot {snapshot.snapshot_id} was changed: {path}"
    try:
        frame = pd.read_parquet(path)
        if holdout_split.content_hash(frame) != snapshot.content_hash:
            raise LedgerBroken(problem=changed)
    except _unreadable() as error:
        raise LedgerBroken(problem=f"{changed} ({error})") from error
    return frame


def rewrite_erased(store: Store, settings: Settings) -> int:
    """Write the files of chunks again without the rows that were erased; returns their number.

    Idempotent, and safe to kill: a chunk is marked from the erasure until its file was replaced. Files that no snapshot
    knows, of a process that was killed before it recorded them, are removed. So is one that cannot be read, with a
    critical alert: nobody can say what it holds, and a snapshot writes the files again that it misses.
    """
    count = 0
    with store.begin() as connection:
        lock(connection, "snapshot")  # nobody writes files meanwhile
        known = snapshot_chunks.roots(connection)
        for path in path_of(settings, "").parent.glob("*"):
            if path.name.removesuffix(".parquet") not in known:
                path.unlink()
        for chunk_id, root in snapshot_chunks.to_rewrite(connection):
            # whoever may insert chunks chooses their roots, and this one becomes the name of a file
            if is_digest(root) and path_of(settings, root).exists():
                rows = snapshot_chunks.rows_of(connection, chunk_id)
                try:
                    _rewrite(settings, root, rows)
                except LedgerBroken as error:
                    path_of(settings, root).unlink()
                    forged_records.report(connection, str(error.details["problem"]), done="The file was removed.")
            snapshot_chunks.mark_rewritten(connection, chunk_id)
            count += 1
    return count


def _rewrite(settings: Settings, root: str, rows: Sequence[CommittedRow]) -> None:
    """Raises LedgerBroken for a file that cannot be read."""
    name = "a chunk"
    frame = _parse(path_of(settings, root), name)
    # by tweet as well: a row that somebody put back in an erased place is another
    there = {(row.position, row.tweet_id) for row in rows}
    keep = [row in there for row in zip(frame[POSITION], frame["tweet_id"], strict=True)]
    try:
        _write(settings, root, frame[keep])
    except _unreadable() as error:
        raise LedgerBroken(problem=f"a file of {name} was changed: {path_of(settings, root)} ({error})") from error
