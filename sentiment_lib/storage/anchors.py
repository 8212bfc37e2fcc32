"""Anchors: signed heads of the ledger in a file outside the database, which reveal truncation by the database's owner.

Each line is a JSON object: the number of the anchor, the sequence and hash of the ledger row that it anchors, and the
hash of the line before it, signed. The anchored row contains that hash too, so that truncating either the file or the
ledger is detected with the other.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.errors import LedgerBroken, SignatureRefused
from sentiment_lib.files import sync_folder
from sentiment_lib.hashing import canonical_json, hash_text
from sentiment_lib.signing import KeyRing
from sentiment_lib.storage import ledger
from sentiment_lib.storage.engine import Store, key_ring
from sentiment_lib.storage.verified_points import VerifiedPoint

#: Purpose of the signatures, and kind of the anchored row.
PURPOSE = "anchor"
#: "Previous line" of the first anchor.
NO_LINE = "0" * 64


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """One line of the file."""

    number: int
    sequence: int
    entry_hash: str
    anchored_at: str
    #: SHA-256 of the line before, without its newline
    previous_line: str


def append(store: Store) -> Anchor | None:
    """Anchor the ledger's head and flush it to disk; None where nothing was appended since the last anchor.

    First the ledger gets a row that names the new anchor, then the file gets its line. A process killed in between
    leaves the row without a line; the next call anchors again. Raises LedgerBroken when the file is damaged.
    """
    if store.anchors_file is None:
        return None
    store.anchors_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(store.anchors_file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # one anchor at a time, from row to line
        lines = file.read().decode().splitlines()
        last = _parse(lines[-1])[0] if lines else None
        with store.begin() as connection:
            newest = ledger.head(connection)
            if newest is None or (last and (newest.sequence, newest.entry_hash) == (last.sequence, last.entry_hash)):
                return None
            previous = hash_text(lines[-1]) if lines else NO_LINE
            number = last.number + 1 if last else 1
            row = ledger.append(connection, PURPOSE, {"number": number, "previous_line": previous})
            ring = key_ring(connection)
        anchor = Anchor(
            number=number,
            sequence=row.sequence,
            entry_hash=row.entry_hash,
            anchored_at=clock.now().isoformat(),
            previous_line=previous,
        )
        file.write(_line(ring, anchor).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    sync_folder(store.anchors_file.parent)
    return anchor


@contextmanager
def held(path: Path | None) -> Iterator[bytes]:
    """The file's bytes while nobody can append to it; empty where it does not exist."""
    if path is None or not path.exists():
        yield b""
        return
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield file.read()


def _line(ring: KeyRing, anchor: Anchor) -> str:
    facts = asdict(anchor)
    return canonical_json({"anchor": facts, "signature": ring.sign(PURPOSE, facts)})


def _parse(line: str) -> tuple[Anchor, str]:
    """The anchor of a line and its signature. Raises LedgerBroken for a line that cannot be parsed."""
    try:
        stored: dict[str, Any] = json.loads(line)
        anchor, signature = Anchor(**stored["anchor"]), str(stored["signature"])
        if canonical_json(stored) != line:
            raise ValueError("it is not canonical")
        if set(stored) != {"anchor", "signature"}:
            raise ValueError("it has parts that are not signed")
    except (ValueError, TypeError, KeyError) as error:
        raise LedgerBroken(problem=f"a line of the anchors cannot be read: {error}") from error
    return anchor, signature


def read_lines(path: Path | None) -> list[str]:
    """The lines of the file; none where it does not exist."""
    return path.read_text(errors="replace").splitlines() if path and path.exists() else []


def hash_lines(lines: Sequence[str]) -> str:
    """SHA-256 of these lines."""
    return hash_text("\n".join(lines))


def sequence_of(line: str) -> int:
    """Number of the ledger row that a line anchors. Raises LedgerBroken for a line that cannot be parsed."""
    return _parse(line)[0].sequence


def broken(connection: Connection, path: Path | None, since: VerifiedPoint | None = None) -> list[str]:
    """Problems of the file, and of the ledger compared with it, as sentences; empty without a path.

    since: the lines that it counts as verified are only compared with their hash.
    """
    if path is None:
        return []
    ring, problems = key_ring(connection), list[str]()
    lines, anchored = read_lines(path), dict[int, tuple[int, str]]()
    if since and since.anchors > len(lines):
        return [f"anchors {len(lines) + 1} to {since.anchors} are missing: they were there when they were verified"]
    if since and hash_lines(lines[: since.anchors]) != since.anchors_hash:
        since = None
    first = since.anchors if since else 0
    previous = hash_text(lines[first - 1]) if first else NO_LINE
    for line_number, line in enumerate(lines[first:], first + 1):
        try:
            anchor, signature = _parse(line)
            ring.verify(PURPOSE, asdict(anchor), signature, at=datetime.fromisoformat(anchor.anchored_at))
        except (LedgerBroken, SignatureRefused, ValueError) as error:
            detail = (
                error.details.get("problem", error) if isinstance(error, LedgerBroken | SignatureRefused) else error
            )
            problems.append(f"anchor {line_number} does not verify: {detail}")
        else:
            if (anchor.number, anchor.previous_line) != (line_number, previous):
                problems.append(f"anchor {line_number} does not follow the line before it")
            anchored[anchor.sequence] = (anchor.number, anchor.entry_hash)
        previous = hash_text(line)
    return problems + _ledger_against(connection, anchored, lines, after=since.sequence if since else None)


def _ledger_against(
    connection: Connection, anchored: dict[int, tuple[int, str]], lines: list[str], *, after: int | None
) -> list[str]:
    """Ledger rows missing or changed since they were anchored, and anchors missing from the file."""
    problems, missing = list[str](), dict(anchored)
    # the row of an anchor comes before its line, which may have been written after the verification
    if after is not None:
        after = min([after, *(sequence - 1 for sequence in anchored)])
    for entry in ledger.genuine_entries(connection, (PURPOSE,), after=after):
        number, entry_hash = missing.pop(entry.sequence, (0, entry.entry_hash))
        if entry.entry_hash != entry_hash:
            problems.append(f"ledger row {entry.sequence} is not the one that anchor {number} names")
        facts = entry.facts()
        before = int(facts["number"]) - 1
        if before > len(lines):
            problems.append(f"anchors {len(lines) + 1} to {before} are missing: ledger row {entry.sequence} names them")
        elif facts["previous_line"] != (hash_text(lines[before - 1]) if before else NO_LINE):
            problems.append(f"anchor {before} is not the one that ledger row {entry.sequence} names")
    newest = ledger.head(connection)
    end = newest.sequence if newest else 0
    for sequence, (number, _) in missing.items():
        what = f"the ledger ends at row {end}" if sequence > end else f"ledger row {sequence} is another"
        problems.append(f"{what}, but anchor {number} names row {sequence}: the ledger was truncated or rewritten")
    return problems
