"""The signed list of a backup's files, and the check of a backup against it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sentiment_lib import progress
from sentiment_lib.errors import BackupRefused, SignatureRefused
from sentiment_lib.files import write_atomically
from sentiment_lib.hashing import canonical_json, hash_file, hash_text
from sentiment_lib.signing import KeyRing

FILE = "manifest.json"
FORMAT = 1
#: Purpose of the signature.
PURPOSE = "backup"
#: Names of the archives: files below SENTIMENT_HOME and MLflow's artefacts; the secrets, in a folder of their own.
FILES, KEYS = "files.tar.gz.age", "keys.tar.gz.age"


@dataclass(frozen=True, kw_only=True)
class BackupFile:
    """An encrypted file of a backup."""

    name: str
    size_bytes: int
    #: SHA-256 of the encrypted bytes
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup holds. Every part is signed."""

    name: str
    as_of: datetime
    #: release that took it, and the revision of its schema
    release: str
    revision: str
    #: sequence and hash of the newest row of the ledger
    sequence: int
    entry_hash: str
    #: in the order of their snapshots
    databases: tuple[str, ...]
    files: tuple[BackupFile, ...]
    keys: BackupFile
    #: files in the archive of files, and those that went while it was written
    archived: int
    vanished: int
    format: int = FORMAT

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size_bytes for file in (*self.files, self.keys))

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest."""
        return hash_text(canonical_json(asdict(self)))


def dump_name(database: str) -> str:
    """Name of the encrypted dump of a database."""
    return f"{database}.dump.age"


def write(folder: Path, manifest: Manifest, key_ring: KeyRing) -> None:
    """Write the signed manifest into the backup's folder."""
    facts = asdict(manifest)
    text = canonical_json({"manifest": facts, "signature": key_ring.sign(PURPOSE, facts)})
    write_atomically(folder / FILE, text, mode=0o600)


def read(folder: Path) -> tuple[Manifest, str]:
    """The manifest and its signature, which `require_signature` checks. Raises BackupRefused."""
    try:
        stored: dict[str, Any] = json.loads((folder / FILE).read_text())
        facts = stored["manifest"]
        if facts["format"] != FORMAT:
            problem = f"its format is {facts['format']}, and this release reads {FORMAT}"
            raise BackupRefused(backup=folder, problem=problem)
        manifest = Manifest(
            **{
                **facts,
                "as_of": datetime.fromisoformat(facts["as_of"]),
                "databases": tuple(facts["databases"]),
                "files": tuple(BackupFile(**file) for file in facts["files"]),
                "keys": BackupFile(**facts["keys"]),
            }
        )
        return manifest, str(stored["signature"])
    except FileNotFoundError as error:
        problem = f"it has no {FILE}: choose the folder of one backup" if folder.is_dir() else "there is no such folder"
        raise BackupRefused(backup=folder, problem=problem) from error
    except (ValueError, KeyError, TypeError) as error:
        raise BackupRefused(backup=folder, problem=f"its {FILE} cannot be read ({error})") from error


def require_signature(folder: Path, key_ring: KeyRing) -> Manifest:
    """The manifest, signed by a key of the ring. Raises BackupRefused."""
    manifest, signature = read(folder)
    try:
        key_ring.verify(PURPOSE, asdict(manifest), signature, at=manifest.as_of)
    except SignatureRefused as error:
        raise BackupRefused(backup=folder, problem=str(error)) from error
    return manifest


def find_keys(folder: Path, keys: Path | None = None) -> Path:
    """The archive of the backup's secrets: the given file, else the one in the folder of keys beside the backups'."""
    if keys is not None:
        return keys
    name, backups = f"{folder.name}.{KEYS}", folder.parent
    beside = backups.with_name(backups.name.removesuffix("-backups") + "-backup-keys")
    return next((path for path in (beside / name, backups / name) if path.exists()), beside / name)


def problems(folder: Path, manifest: Manifest, keys: Path | None = None) -> Iterator[str]:
    """What differs from the manifest, file by file; the secrets only where `keys` is given. Reads every byte."""
    paths = [(file, folder / file.name) for file in manifest.files]
    paths += [(manifest.keys, keys)] if keys else []
    for number, (file, path) in enumerate(paths):
        progress.report(f"Checking {file.name}", number, len(paths))
        if not path.is_file():
            yield f"{file.name} is missing ({path})"
        elif path.stat().st_size != file.size_bytes or hash_file(path) != file.sha256:
            yield f"{file.name} is not what the manifest says"
