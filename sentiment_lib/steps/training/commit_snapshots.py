"""Give the rows of snapshots of earlier releases salted commitments, so that rows can be erased from them as well.

Such a snapshot is one file with a hash of all rows, which could not lose one. Its content hash, by which decisions and
trainings name it, stays; a signed ledger row says by which chunks the same rows are proved from then on.
"""

from __future__ import annotations

from collections.abc import Collection

from sentiment_lib.errors import LedgerBroken
from sentiment_lib.evaluation import frozen_rows
from sentiment_lib.records import Snapshot
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training import snapshot_files
from sentiment_lib.storage import snapshot_chunks, snapshot_proofs, snapshots
from sentiment_lib.storage.engine import Store, lock


def run(store: Store, settings: Settings, snapshot_ids: Collection[int]) -> tuple[int, ...]:
    """Commit those of these snapshots that have no commitments yet; returns their ids.

    Idempotent, and safe to kill at any point. Raises LedgerBroken for one whose file or rows are not what was recorded:
    nothing replaces its evidence.
    """
    with store.begin() as connection:
        whole = [one for one in snapshots.every(connection) if one.snapshot_id in snapshot_ids and not one.is_chunked]
        waiting = [one for one in whole if snapshot_proofs.committed(connection, one.snapshot_id) is None]
    for snapshot in waiting:
        _commit(store, settings, snapshot)
    # the chunks hold the rows: a process that was killed before left the file
    for snapshot in whole:
        (settings.snapshots / snapshot.uri).unlink(missing_ok=True)
    return tuple(snapshot.snapshot_id for snapshot in waiting)


def _commit(store: Store, settings: Settings, snapshot: Snapshot) -> None:
    frame = snapshot_files.read(store, settings, snapshot)
    with store.begin() as connection:
        lock(connection, "snapshot")
        rows_hash = snapshot_proofs.rows_hash(connection, snapshot.snapshot_id)
        if rows_hash != snapshot_proofs.frame_hash(frame):
            raise LedgerBroken(problem=f"the rows of snapshot {snapshot.snapshot_id} are not those of its file")
        chunks = []
        for part, rows in frozen_rows.cut(frame):
            chunk = snapshot_chunks.store(connection, part, rows)
            snapshot_files.write_missing(settings, chunk.root, rows)
            chunks.append(chunk)
        snapshot_chunks.replace_whole(connection, snapshot.snapshot_id, [chunk.chunk_id for chunk in chunks])
        root = frozen_rows.content_hash([chunk.root for chunk in chunks], snapshot.split_at)
        snapshot_proofs.record_committed(connection, snapshot, root)
