"""Ingests: one row for each run over a source, with its counts, and the rows that it quarantined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from sentiment_lib.records import IngestResult
from sentiment_lib.storage.engine import raw


@dataclass(frozen=True, kw_only=True)
class OpenIngest:
    """An unfinished ingest, and the number of rows of its input that are already processed."""

    ingest_id: int
    received: int


def open_ingest(connection: Connection, source: str, digest: str) -> OpenIngest:
    """Start an ingest, or resume the interrupted one of the same input."""
    row = connection.execute(
        text(
            "SELECT ingest_id, received FROM ingests WHERE source = :source AND input_digest = :digest "
            "AND finished_at IS NULL ORDER BY ingest_id LIMIT 1 FOR UPDATE"
        ),
        {"source": source, "digest": digest},
    ).one_or_none()
    if row is not None:
        return OpenIngest(ingest_id=row.ingest_id, received=row.received)
    new_id = connection.execute(
        text("INSERT INTO ingests (source, input_digest) VALUES (:source, :digest) RETURNING ingest_id"),
        {"source": source, "digest": digest},
    ).scalar_one()
    return OpenIngest(ingest_id=new_id, received=0)


def lock_ingest(connection: Connection, ingest_id: int, expected_received: int) -> bool:
    """Lock the ingest until the transaction ends; False when another process has advanced it."""
    received = connection.execute(
        text("SELECT received FROM ingests WHERE ingest_id = :id AND finished_at IS NULL FOR UPDATE"), {"id": ingest_id}
    ).scalar_one_or_none()
    return received == expected_received


def store_quarantine(connection: Connection, ingest_id: int, rows: Sequence[tuple[int, str, str]]) -> None:
    """Store quarantined rows (row number, reason, raw content)."""
    if not rows:
        return
    with raw(connection).cursor().copy("COPY quarantine (ingest_id, row_number, reason, raw) FROM STDIN") as copy:
        for number, reason, content in rows:
            copy.write_row((ingest_id, number, reason, content))


def add_counts(
    connection: Connection, ingest_id: int, *, received: int, stored: int, quarantined: int, forgotten: int = 0
) -> None:
    """Add the counts of one batch to the ingest."""
    connection.execute(
        text(
            "UPDATE ingests SET received = received + :received, stored = stored + :stored, "
            "quarantined = quarantined + :quarantined, duplicate = duplicate + :duplicate, "
            "forgotten = forgotten + :forgotten WHERE ingest_id = :id"
        ),
        {
            "received": received,
            "stored": stored,
            "quarantined": quarantined,
            "duplicate": received - stored - quarantined - forgotten,
            "forgotten": forgotten,
            "id": ingest_id,
        },
    )


def finish(connection: Connection, ingest_id: int) -> IngestResult:
    """Close the ingest and return its counts."""
    row = connection.execute(
        text(
            "UPDATE ingests SET finished_at = coalesce(finished_at, now()) WHERE ingest_id = :id "
            "RETURNING ingest_id, source, received, stored, duplicate, quarantined, forgotten, "
            "(SELECT count(*) FROM labels WHERE labels.ingest_id = :id) AS labels"
        ),
        {"id": ingest_id},
    ).one()
    return IngestResult(**row._mapping)


@dataclass(frozen=True, kw_only=True)
class QuarantinedRow:
    """A row that could not be stored; `raw` holds its first 200 characters."""

    source: str
    row_number: int
    reason: str
    raw: str
    quarantined_at: datetime


def list_quarantined(connection: Connection, limit: int) -> list[QuarantinedRow]:
    """The newest quarantined rows, newest first."""
    rows = connection.execute(
        text(
            "SELECT source, row_number, reason, left(raw, 200) AS raw, quarantined_at FROM quarantine "
            "JOIN ingests USING (ingest_id) ORDER BY quarantine_id DESC LIMIT :limit"
        ),
        {"limit": limit},
    )
    return [QuarantinedRow(**row) for row in rows.mappings()]


def last_collected_at(connection: Connection) -> datetime | None:
    """When a source last brought a new tweet; texts sent to the API are not collected."""
    moment: datetime | None = connection.execute(
        text("SELECT max(coalesce(finished_at, started_at)) FROM ingests WHERE source <> 'api' AND stored > 0")
    ).scalar()
    return moment


def received_and_quarantined(connection: Connection, since: datetime) -> tuple[int, int]:
    """Rows that the sources brought in ingests started since then, and how many of them were quarantined."""
    row = connection.execute(
        text(
            "SELECT coalesce(sum(received), 0) AS received, coalesce(sum(quarantined), 0) AS quarantined FROM ingests "
            "WHERE source <> 'api' AND started_at > :since"
        ),
        {"since": since},
    ).one()
    return int(row.received), int(row.quarantined)
