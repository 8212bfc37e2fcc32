"""Forget again what was forgotten after a backup was taken, before anything serves what was restored.

Hashes do not say what they stand for: whatever the restored installation holds is hashed and compared.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from datetime import UTC
from pathlib import Path

from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.erasure import refused_rows
from sentiment_lib.settings import Settings
from sentiment_lib.steps.erasure import forget, request_erasure, tombstone_files
from sentiment_lib.steps.erasure.tombstone_files import TombstoneFile
from sentiment_lib.storage import erased_rows, erasure_requests, tombstones
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.erasure_requests import AUTHOR, TWEETS, NewRequest
from sentiment_lib.text.privacy import author_hasher
from sentiment_lib.tombstone_key import AUTHOR as OF_AUTHOR
from sentiment_lib.tombstone_key import TWEET, TombstoneKey

#: Recorded as who asks.
ACTOR = "restore"
#: Folders that a backup contains whose files may name what no table does.
FOLDERS = ("landing", "spool", "reports")
_NUMBER = re.compile(r"(?<!\d)0*([1-9]\d{0,18})(?!\d)", re.ASCII)
_NAME = re.compile(r"\w[\w.\-]*")


def run(store: Store, settings: Settings, folder: Path) -> tuple[int, ...]:
    """Erase what the tombstone files of the folder name and the database does not know; models follow with the DAG.

    folder: beside the restored backup. Returns the numbers of the requests that were made. Raises BackupRefused for a
    file that is not the platform's, TombstoneKeyMissing without the key that made them.
    """
    with store.begin() as connection:
        known = {(one.request_id, one.received_at.astimezone(UTC)) for one in erasure_requests.every(connection)}
    files = [
        file
        for file in tombstone_files.read(folder, settings.tombstones)
        if (file.request_id, file.received_at) not in known
    ]
    made = _order(store, settings, files) if files else ()
    forget.run(store, settings, models=False)
    return made


def _order(store: Store, settings: Settings, files: list[TombstoneFile]) -> tuple[int, ...]:
    key = settings.tombstones
    refused = {value for file in files for value in file.refused}
    wanted = refused | {value for file in files for value in file.tweets}
    due_at = clock.now() + settings.policy.erasure.within
    with store.begin() as connection:
        rows = [(reason, raw) for _, reason, raw in erased_rows.quarantined(connection)]
        cells = {cell for _, raw in rows for cell in _cells(raw)}
        contents = [f"{reason} {raw}" for reason, raw in rows]
        contents += list(_contents(settings))
        found, of_authors = _stored(connection, key, wanted)
        found |= {number for number in _numbers(contents) if key.of_tweet(number).hex() in wanted}
        names = _names(contents, cells, settings, key, refused)
        request = NewRequest(kind=TWEETS, requested_by=ACTOR, due_at=due_at)
        made = [erasure_requests.insert(connection, request, sorted(found), refuse=())]
        # a hash that is of no tweet of this database may be of an author: both kinds are refused alike
        authors = {key.of_author(author).hex() for author in of_authors} | {
            key.of_author(author).hex() for author in names.values()
        }
        made_again = ((bytes.fromhex(value), OF_AUTHOR if value in authors else TWEET) for value in sorted(refused))
        tombstones.store_hashes(connection, made[0], made_again, key_id=key.key_id)
        by_hash = {author: name for name, author in names.items()}
        for author in sorted(of_authors | by_hash.keys()):
            subject = {"author": by_hash[author]} if author in by_hash else None
            request = NewRequest(kind=AUTHOR, requested_by=ACTOR, due_at=due_at, subject=subject, author_hash=author)
            made.append(erasure_requests.insert(connection, request, (), refuse=()))
        taken_again = sorted({key.of_tweet(number).hex() for number in found} - refused)
        for number in made:
            replays = {"replays": [file.request_id for file in files], request_erasure.NOT_REFUSED: taken_again}
            request_erasure.record(connection, number, request_erasure.RESTORE, replays)
    return tuple(made)


def _stored(connection: Connection, key: TombstoneKey, wanted: set[str]) -> tuple[set[int], set[bytes]]:
    """Stored tweets, and authors of stored tweets (keyed hashes), that were forgotten."""
    found, authors = set[int](), set[bytes]()
    for tweet_id, author in erased_rows.every_id(connection):
        if key.of_tweet(tweet_id).hex() in wanted:
            found.add(tweet_id)
        if author is not None and author not in authors and key.of_author(author).hex() in wanted:
            authors.add(author)
    return found, authors


def _numbers(contents: Iterable[str]) -> set[int]:
    return {int(match[1]) for content in contents for match in _NUMBER.finditer(content)}


def _names(
    contents: Iterable[str], cells: Iterable[str], settings: Settings, key: TombstoneKey, refused: set[str]
) -> dict[str, bytes]:
    """Names in the contents and cells whose tombstone is among the refused, with their keyed hashes."""
    secret = settings.author_key.get_secret_value().encode()
    if not secret:
        return {}
    hashed = author_hasher(secret)
    words = {match[0].lower() for content in contents for match in _NAME.finditer(content)}
    words |= {cell.strip().lower() for cell in cells if len(cell) <= 100}
    return {word: author for word in words if key.of_author(author := hashed(word)).hex() in refused}


def _cells(raw: str) -> Iterator[str]:
    """Texts of a quarantined row."""
    row = refused_rows.record_of(raw)
    found = [] if isinstance(row, str) else row.values() if isinstance(row, dict) else row
    yield from (value for value in found if isinstance(value, str))


def _contents(settings: Settings) -> Iterator[str]:
    """Files of the folders as text, unpacked."""
    for name in FOLDERS:
        for path in sorted((settings.home / name).rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                if content[:2] == b"\x1f\x8b":
                    content = gzip.decompress(content)
                if content[:4] == b"PAR1":
                    yield _rows_of(path)
                else:
                    yield content.replace(b"\0", b"").decode("utf-8", "replace")


def _rows_of(path: Path) -> str:
    import pyarrow.parquet as pq

    return " ".join(str(value) for row in pq.read_table(path).to_pylist() for value in row.values())
