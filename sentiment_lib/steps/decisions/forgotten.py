"""What a recorded decision rested on and is gone, because tweets were forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from sentiment_lib.evaluation.evidence_record import EvaluatedVersion
from sentiment_lib.records import Snapshot
from sentiment_lib.storage import model_versions, snapshots, version_erasures


def since(
    connection: Connection, snapshot: Snapshot, versions: Sequence[EvaluatedVersion]
) -> tuple[tuple[str, ...], dict[int, EvaluatedVersion]]:
    """(what is gone, in sentences; version -> itself or what replaced it, for those that there are)."""
    gone = []
    for part, rows in (("train", snapshot.train_rows), ("holdout", snapshot.holdout_rows)):
        left = snapshots.count_left(connection, snapshot.snapshot_id, part)
        if left < rows:
            name = "training rows" if part == "train" else "holdout rows"
            gone.append(f"{rows - left:,} of {rows:,} {name} of snapshot {snapshot.snapshot_id} were forgotten")
    erased = version_erasures.erased_versions(connection)
    present: dict[int, EvaluatedVersion] = {}
    for version in versions:
        number: int | None = version.version
        while number in erased:
            number = version_erasures.relearned(connection, [number]).get(number)
        if number is None:
            gone.append(f"version {version.version} learned from forgotten tweets and was erased; nothing replaces it")
        elif number != version.version:
            gone.append(f"version {version.version} learned from forgotten tweets: version {number} stands for it")
            digest = model_versions.by_version(connection, number).digest
            present[version.version] = replace(version, version=number, digest=digest)
        else:
            present[version.version] = version
    return tuple(gone), present
