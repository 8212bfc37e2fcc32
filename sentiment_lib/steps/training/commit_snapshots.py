"""Give the rows of snapshots of earlier releases salted commitments, so that rows can be erased from them as well.

Such a snapshot is one file with a hash of all rows, which could not lose one. Its content hash, by which decisions and
trainings name it, stays; a signed ledger row says by which chunks the same rows are proved from then on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sentiment_lib.errors import LedgerBroken
from sentiment_lib.evaluation import frozen_rows
from sentiment_lib.records import Snapshot
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training import snapshot_files
from sentiment_lib.storage import forged_records, snapshot_chunks, snapshot_proofs, snapshots
from sentiment_lib.storage.engine import Store, lock

#: What the alert says of a snapshot that nothing proves.
LEFT = "It got no commitments, and a request to forget takes its rows all the same."


@dataclass(frozen=True, kw_only=True)
class CommitResult:
    """What became of the snapshots."""

    #: those that got commitments
    committed: tuple[int, ...] = ()
    #: snapshot -> why nothing proves its rows
    unproven: Mapping[int, str] = field(default_factory=dict)


def run(store: Store, settings: Settings, snapshot_ids: Collection[int]) -> CommitResult:
    """Commit those of these snapshots that have no commitments yet.

    Idempotent, and safe to kill at any point. One that nobody signed, or whose file or rows are not what was recorded,
    gets none, with a critical alert: nothing replaces its evidence, and there is none to keep.
    """
    with store.begin() as connection:
        whole = [one for one in snapshots.every(connection) if one.snapshot_id in snapshot_ids and not one.is_chunked]
    committed, unproven = [], dict[int, str]()
    for snapshot in whole:
        number = snapshot.snapshot_id
        try:
            if _commit(store, settings, snapshot):
                committed.append(number)
        except LedgerBroken as error:
            unproven[number] = str(error.details["problem"])
            with store.begin() as connection:
                forged_records.report(connection, f"snapshot {number}: {unproven[number]}", done=LEFT)
            continue
        # the chunks hold the rows: a process that was killed before left the file
        (settings.snapshots / snapshot.uri).unlink(missing_ok=True)
    return CommitResult(committed=tuple(committed), unproven=unproven)


def _commit(store: Store, settings: Settings, snapshot: Snapshot) -> bool:
    """Whether it was done by this call. Raises LedgerBroken where it is not what was recorded."""
    number = snapshot.snapshot_id
    with store.begin() as connection:
        if problem := forged_records.find_fault(connection, "snapshot", number):
            raise LedgerBroken(problem=problem)
        if snapshot_proofs.committed(connection, number) is not None:
            return False
    frame = snapshot_files.read(store, settings, snapshot)
    with store.begin() as connection:
        lock(connection, "snapshot")
        if snapshot_proofs.rows_hash(connection, number) != snapshot_proofs.frame_hash(frame):
            raise LedgerBroken(problem=f"the rows of snapshot {number} are not those of its file")
        chunks = []
        for part, rows in frozen_rows.cut(frame):
            chunk = snapshot_chunks.store(connection, part, rows)
            snapshot_files.write_missing(settings, chunk.root, rows)
            chunks.append(chunk)
        snapshot_chunks.replace_whole(connection, number, [chunk.chunk_id for chunk in chunks])
        root = frozen_rows.content_hash([chunk.root for chunk in chunks], snapshot.split_at)
        snapshot_proofs.record_committed(connection, snapshot, root)
    return True
