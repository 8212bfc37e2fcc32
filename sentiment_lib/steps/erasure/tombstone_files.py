"""Tombstones beside the backups: a backup that is restored knows by them what was forgotten after it was taken.

One file for each request, with keyed hashes alone, authenticated by the key that made them: signing keys may be newer
than the backup. Whoever copies the folder of the backups copies them as well.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hmac import compare_digest
from pathlib import Path

from sqlalchemy import Connection

from sentiment_lib.errors import BackupRefused, TombstoneKeyMissing
from sentiment_lib.files import write_atomically
from sentiment_lib.hashing import canonical_json
from sentiment_lib.settings import Settings
from sentiment_lib.storage import erasure_requests, tombstones
from sentiment_lib.storage.engine import tombstone_key
from sentiment_lib.tombstone_key import TombstoneKey

#: Folder in that of the backups.
FOLDER = "tombstones"
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class TombstoneFile:
    """What one request forgot, as keyed hashes in hex."""

    request_id: int
    received_at: datetime
    #: the key that made them
    key_id: str
    #: tweets that the request named
    tweets: tuple[str, ...]
    #: tweets and authors that are refused when they come again
    refused: tuple[str, ...]
    format: int = FORMAT

    @property
    def path_name(self) -> str:
        """Name of the file."""
        return f"{self.received_at:%Y%m%dT%H%M%S%fZ}-{self.request_id}.json"


def write(connection: Connection, settings: Settings, request_id: int) -> None:
    """Write the file of a request. Run again, it writes the same, also when the tweets are no longer named.

    Nothing without a folder of backups, and without a tombstone: such a request named nothing.
    """
    request = erasure_requests.by_id(connection, request_id)
    refused = tombstones.of_request(connection, request_id)
    named = [tweet for page in erasure_requests.targets(connection, request_id) for tweet in page]
    if not (settings.backup.recipient or settings.backups.is_dir()) or not (refused or named):
        return
    key, folder = tombstone_key(connection).create(), settings.backups / FOLDER
    made = TombstoneFile(
        request_id=request_id,
        received_at=request.received_at.astimezone(UTC),
        key_id=key.key_id,
        tweets=tuple(sorted(key.of_tweet(tweet).hex() for tweet in named)),
        refused=tuple(refused),
    )
    if not named:
        # a run that was killed after it had removed the ids
        before = [one.tweets for one in read(folder, key) if one.path_name == made.path_name]
        made = replace(made, tweets=before[0] if before else ())
    _write(folder, key, made)


def lift(settings: Settings, hashes: Collection[str]) -> None:
    """Take tombstones out of the files: their source has restored what they refuse. Run again, it changes nothing."""
    lifted, folder = frozenset(hashes), settings.backups / FOLDER
    for file in read(folder, settings.tombstones) if lifted else ():
        kept = replace(
            file,
            tweets=tuple(value for value in file.tweets if value not in lifted),
            refused=tuple(value for value in file.refused if value not in lifted),
        )
        if kept != file:
            _write(folder, settings.tombstones, kept)


def _write(folder: Path, key: TombstoneKey, file: TombstoneFile) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    facts = {**asdict(file), "received_at": file.received_at.isoformat()}
    code = key.of_file(canonical_json(facts).encode()).hex()
    write_atomically(folder / file.path_name, canonical_json({"tombstones": facts, "code": code}), mode=0o600)


def read(folder: Path, key: TombstoneKey) -> Iterator[TombstoneFile]:
    """The files of a folder, oldest first.

    Raises BackupRefused for one that cannot be read or was changed, TombstoneKeyMissing for one of another key.
    """
    for path in sorted(folder.glob("*.json")):
        try:
            stored = json.loads(path.read_text())
            facts = stored["tombstones"]
            if facts["format"] != FORMAT:
                problem = f"its format is {facts['format']}, and this release reads {FORMAT}"
                raise BackupRefused(backup=path, problem=problem)
            if facts["key_id"] != key.key_id:
                raise TombstoneKeyMissing(path=key.path, problem=f"the tombstones in {path} were made with another key")
            if not compare_digest(stored["code"], key.of_file(canonical_json(facts).encode()).hex()):
                raise BackupRefused(backup=path, problem="it was changed")
            received_at = datetime.fromisoformat(facts["received_at"])
            lists = {name: tuple(facts[name]) for name in ("tweets", "refused")}
            yield TombstoneFile(**{**facts, "received_at": received_at, **lists})
        except (ValueError, KeyError, TypeError) as error:
            raise BackupRefused(backup=path, problem=f"it cannot be read ({error})") from error
