"""Back up everything: databases at one moment, then the files that they refer to; secrets apart.

Consistent by order: all snapshots of databases are taken within milliseconds, while no champion alias moves and no
anchor is appended; the platform's first, so that every row finds what it refers to in the snapshots and files taken
after it. Files are written once and only removed by retention.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from sentiment_lib import clock, progress
from sentiment_lib.encryption import age
from sentiment_lib.errors import BadSetting, Busy
from sentiment_lib.files import sync_folder
from sentiment_lib.settings import Settings
from sentiment_lib.steps.backup import archive, expire, manifest
from sentiment_lib.steps.backup.manifest import BackupFile, Manifest
from sentiment_lib.storage import anchors, backups, dumps, server_programs
from sentiment_lib.storage.backups import Backup
from sentiment_lib.storage.engine import Store

#: Folders and files below SENTIMENT_HOME that are archived under their path; logs, caches and checkpoints are not.
BELOW_HOME = ("snapshots", "reports", "landing", "spool", "run/first-run.json", "run/first-run.done")
#: Where the archives put what lies elsewhere by setting, as paths below SENTIMENT_HOME.
ARTEFACTS, ANCHORS, SECRETS, SIGNING = "mlflow", "anchors/ledger.jsonl", "secrets", "secrets/signing"


def run(store: Store, settings: Settings, *, at: datetime | None = None) -> Backup:
    """Take a backup and remove those past their retention. A process killed anywhere leaves the older ones whole.

    Raises BadSetting without a recipient or database, Busy while another backup is taken, BackupFailed.
    """
    recipient = _recipient(settings)
    with _one_at_a_time(settings.backups):
        expire.remove_incomplete(settings)
        as_of = (at or clock.now()).replace(microsecond=0)
        name = f"{as_of:%Y%m%dT%H%M%SZ}"
        if (settings.backups / name).exists():
            raise Busy("A backup of this second is there: try again")
        draft = settings.backups / f".{name}.part"
        draft.mkdir(mode=0o700)
        made = _write(store, settings, draft, name, as_of, recipient)
        sync_folder(draft)
        draft.rename(settings.backups / name)
        sync_folder(settings.backups)
        backup = Backup(
            name=name,
            as_of=as_of,
            finished_at=clock.now(),
            size_bytes=made.size_bytes,
            manifest_hash=made.digest,
        )
        with store.begin() as connection:
            backups.store(connection, backup)
        expire.run(settings, as_of - settings.policy.retention.backups)
    return backup


def is_set_up(settings: Settings) -> bool:
    """Whether backups are wanted: there is somebody to encrypt them to."""
    return bool(settings.backup.recipient)


def _recipient(settings: Settings) -> bytes:
    if not is_set_up(settings):
        problem = "it is empty: `sentiment backup key FILE` makes a key, and says which line to add to which file"
        raise BadSetting(setting="SENTIMENT_BACKUP__RECIPIENT", problem=problem)
    if not settings.backup.database_url.get_secret_value():
        problem = "it is empty: name the server as a role that may read all its databases"
        raise BadSetting(setting="SENTIMENT_BACKUP__DATABASE_URL", problem=problem)
    return age.parse_recipient(settings.backup.recipient)


def _write(store: Store, settings: Settings, draft: Path, name: str, as_of: datetime, recipient: bytes) -> Manifest:
    """Write every file and the manifest, whose presence says that the backup is whole."""
    wanted, made, keys = settings.backup, list[BackupFile](), list[BackupFile]()
    programs = server_programs.find(wanted.programs)
    with dumps.Dumper(wanted.database_url.get_secret_value(), wanted.databases, programs=programs) as dumper:
        with store.exclusive("alias"), anchors.held(store.anchors_file) as anchored:
            moment = dumper.take_snapshots()
        for number, database in enumerate(wanted.databases):
            progress.report(f"Dumping {database}", number, len(wanted.databases) + 1)
            with archive.encrypted(draft / manifest.dump_name(database), [recipient], made) as sink:
                dumper.dump(database, sink)
    progress.report("Archiving files", len(wanted.databases), len(wanted.databases) + 1)
    with archive.encrypted(draft / manifest.FILES, [recipient], made) as sink:
        count = archive.write(sink, _folders(settings), {ANCHORS: anchored} if anchored else {})
    settings.backup_keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.tombstones.create()  # what is forgotten later is recognised in this backup by the key of its time
    with archive.encrypted(settings.backup_keys / f"{name}.{manifest.KEYS}", [recipient], keys) as sink:
        archive.write(sink, _secrets(settings), {})
    sync_folder(settings.backup_keys)
    written = Manifest(
        name=name,
        as_of=as_of,
        release=version("airline-sentiment"),
        revision=moment.revision,
        sequence=moment.sequence,
        entry_hash=moment.entry_hash,
        databases=wanted.databases,
        files=tuple(made),
        keys=keys[0],
        archived=count.archived,
        vanished=count.vanished,
    )
    manifest.write(draft, written, settings.key_ring)
    return written


def _folders(settings: Settings) -> Mapping[str, Path]:
    """What is archived, by its path below SENTIMENT_HOME. `landing/done` is left out: its tweets are stored."""
    below = {name: settings.home / name for name in BELOW_HOME if name != "landing"}
    landing = {f"landing/{path.name}": path for path in sorted(settings.landing.glob("*")) if path.name != "done"}
    artefacts = settings.backup.artefacts or settings.home / ARTEFACTS
    return {**below, **landing, ARTEFACTS: artefacts}


def _secrets(settings: Settings) -> Mapping[str, Path]:
    secrets, signing = settings.home / SECRETS, settings.key_ring.folder
    return {SECRETS: secrets} if signing.is_relative_to(secrets) else {SECRETS: secrets, SIGNING: signing}


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy("Another backup is being taken: try again when it has ended") from None
        yield
    finally:
        os.close(descriptor)
