"""Restore a backup into a bare state folder: secrets, files, databases, migrations; then forget again, and verify.

Postgres and MLflow run for as long as it takes. A restore that was killed is begun again by the same command: a marker
in the folder names the backup, and no stack starts there meanwhile.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sentiment_lib import progress
from sentiment_lib.encryption import age
from sentiment_lib.errors import BackupRefused
from sentiment_lib.files import write_atomically
from sentiment_lib.local import components, postgres, secrets, stack, stale_processes
from sentiment_lib.local.component import Component
from sentiment_lib.local.ports import require_free
from sentiment_lib.local.state_folder import Home, Ports
from sentiment_lib.local.supervisor import Supervisor
from sentiment_lib.settings import home_folder, load_settings
from sentiment_lib.signing import PUBLIC_KEYS_FILE, KeyRing
from sentiment_lib.steps.backup import archive, back_up, manifest, record_restore
from sentiment_lib.steps.backup.manifest import Manifest
from sentiment_lib.steps.erasure import replay_tombstones, tombstone_files
from sentiment_lib.steps.operations import verify
from sentiment_lib.steps.operations.verify import VerifyResult
from sentiment_lib.storage import dumps, embedded_server, migrate, server_programs
from sentiment_lib.storage.engine import Store


@dataclass(frozen=True, kw_only=True)
class RestoreResult:
    """What was restored, and what `verify` says about it."""

    backup: str
    as_of: datetime
    home: str
    seconds: float
    #: sequence of the ledger's newest row in the backup
    sequence: int
    files: int
    verified: VerifyResult


def run(
    backup: Path,
    *,
    identity: Path,
    make_key: Callable[[], str],
    keys: Path | None = None,
    public_keys: Path | None = None,
) -> RestoreResult:
    """Restore into SENTIMENT_HOME, which must be bare, and verify it. The stack is down afterwards.

    identity: file of the private key that the backup was encrypted to.
    keys: the archive of secrets, where it is not beside the backups.
    public_keys: a copy of the platform's public signing keys from elsewhere; by default those in the backup itself,
    which tell a damaged backup but not one that somebody else made.
    Raises BackupRefused before anything is written, BackupFailed, StackFailed.
    """
    started = time.monotonic()
    found, _ = manifest.read(backup)
    if not migrate.knows(found.revision):
        problem = f"its schema {found.revision} is newer than this release: install {found.release}"
        raise BackupRefused(backup=backup, problem=problem)
    identities = age.read_identity(identity)
    keys = manifest.find_keys(backup, keys)
    if wrong := list(manifest.problems(backup, found, keys)):
        raise BackupRefused(backup=backup, problem="; ".join(wrong))
    home, ports = Home(home_folder()), stack.ports()
    _require_bare(home, backup)
    require_free(ports)
    home.create()
    with stack.exclusive(home):
        _empty(home)
        write_atomically(home.restoring, str(backup.resolve()))
        try:
            archive.extract(keys, identities, {back_up.SECRETS: home.secrets})
            manifest.require_signature(backup, KeyRing(_none(home), public_keys or home.signing / PUBLIC_KEYS_FILE))
            secrets.renew_stack_id(home)
        except BaseException:
            _empty(home)
            home.restoring.unlink()
            raise
        files = archive.extract(backup / manifest.FILES, identities, _targets(home))
        verified = _restore_databases(home, ports, backup, found, identities, make_key)
        home.restoring.unlink()
    return RestoreResult(
        backup=found.name,
        as_of=found.as_of,
        home=str(home.path),
        seconds=time.monotonic() - started,
        sequence=found.sequence,
        files=files,
        verified=verified,
    )


def _none(home: Home) -> Path:
    """A folder of private keys that does not exist: the ring then takes the file of public keys that it is given."""
    return home.run / "no-private-keys"


def _require_bare(home: Home, backup: Path) -> None:
    """Raise BackupRefused for a folder that holds anything but an interrupted restore of the same backup."""
    if home.restoring.exists() and home.restoring.read_text() == str(backup.resolve()):
        return
    files = (path for path in sorted(home.path.rglob("*")) if not path.is_dir() and path != home.run / "lock")
    holds = next(files, None)
    if holds is not None:
        problem = f"{home.path} is not empty ({holds.relative_to(home.path)}): move it away, or set SENTIMENT_HOME"
        raise BackupRefused(backup=backup, problem=problem)


def _empty(home: Home) -> None:
    """Remove what an interrupted restore left, its servers first; the marker and the folder of the lock stay."""
    # servers are only started under the restored stack's own id; before that the file holds that of the lost stack
    if (home.run / "processes.json").exists():
        stale_processes.stop_stale(home.run, secrets.read_or_create(home)["stack_id"])
    for path in home.path.iterdir():
        if path not in (home.run, home.restoring):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in home.run.iterdir():
        if path.is_file() and path.name != "lock":
            path.unlink()
    home.create()


def _targets(home: Home) -> Mapping[str, Path]:
    """Where each top folder of the archive goes: below the state folder, but never over its secrets or database."""
    tops = {name.partition("/")[0] for name in (*back_up.BELOW_HOME, back_up.ARTEFACTS, back_up.ANCHORS)}
    return {top: home.path / top for top in tops}


def _restore_databases(
    home: Home,
    ports: Ports,
    backup: Path,
    found: Manifest,
    identities: tuple[bytes, ...],
    make_key: Callable[[], str],
) -> VerifyResult:
    """Start Postgres, restore its databases, migrate them, start MLflow, and verify."""
    credentials = components.prepare_home(home, ports)

    def restore() -> None:
        postgres.create_databases(ports, credentials)
        for number, database in enumerate(found.databases):
            progress.report(f"Restoring {database}", number, len(found.databases))
            _restore_database(home, ports, credentials, backup / manifest.dump_name(database), database, identities)

    parts = components.stores(home, ports, credentials, make_key, after=("restore",))
    parts.insert(1, Component(name="restore", call=restore, after=("postgres",)))
    supervisor = Supervisor(parts, run=home.run, logs=home.logs, mark=credentials["stack_id"])
    supervisor.start()
    try:
        supervisor.wait_until_healthy()
        settings = load_settings()
        store = Store.open(settings)
        try:
            record_restore.run(store, found)
            replay_tombstones.run(store, settings, backup.parent / tombstone_files.FOLDER)
            return verify.run(store, settings)
        finally:
            store.close()
    finally:
        supervisor.stop()


def _restore_database(
    home: Home, ports: Ports, credentials: dict[str, str], dump: Path, database: str, identities: tuple[bytes, ...]
) -> None:
    plain = home.run / f"{database}.dump"
    try:
        with os.fdopen(os.open(plain, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            archive.decrypt(dump, identities, file)
        password = credentials["postgres_password"]
        embedded_server.recreate_database(ports.postgres, password, database)
        url = f"postgresql+psycopg://postgres:{password}@127.0.0.1:{ports.postgres}/{database}"
        dumps.restore(url, plain, programs=server_programs.in_wheel(), jobs=os.cpu_count() or 1)
    finally:
        plain.unlink(missing_ok=True)
