"""Restore drill: the newest backup is restored into a scratch folder, on ports of its own, and verified there."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sentiment_lib import clock
from sentiment_lib.errors import BackupFailed, BackupRefused, NotFound, SentimentError
from sentiment_lib.settings import PORTS, Settings
from sentiment_lib.steps.backup import expire, manifest
from sentiment_lib.storage import backups
from sentiment_lib.storage.engine import Store

#: Seconds that a restore may take.
PATIENCE = 3 * 3600.0
_SCRATCH = "drill-"


@dataclass(frozen=True, kw_only=True)
class DrillResult:
    """What a drill found."""

    backup: str
    #: False: without a private key only hashes and signature were checked
    restored: bool
    seconds: float
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the backup is good, as far as it was tried."""
        return not self.problems


def run(store: Store, settings: Settings, *, identity: Path | None = None) -> DrillResult:
    """Try the newest backup with `identity`, by default that of the setting, and record the outcome.

    Raises NotFound where there is no backup.
    """
    found = expire.complete(settings.backups)
    if not found:
        raise NotFound(what="backup in", key=settings.backups)
    backup, started = found[-1], time.monotonic()
    identity = identity or settings.backup.drill_identity
    try:
        manifest.require_signature(backup, settings.key_ring)
        problems = _restore(settings, backup, identity) if identity else _check(settings, backup)
    except (BackupRefused, BackupFailed) as error:
        problems = (str(error),)
    took = time.monotonic() - started
    with store.begin() as connection:
        if identity or problems:  # a check of hashes says too little to count as a drill that passed
            backups.record_drill(
                connection,
                backup.name,
                at=clock.now(),
                took=timedelta(seconds=took),
                problem="; ".join(problems) or None,
            )
    return DrillResult(backup=backup.name, restored=identity is not None, seconds=took, problems=problems)


def _check(settings: Settings, backup: Path) -> tuple[str, ...]:
    found, _ = manifest.read(backup)
    keys = settings.backup_keys / f"{backup.name}.{manifest.KEYS}"
    return tuple(manifest.problems(backup, found, keys))


def _restore(settings: Settings, backup: Path, identity: Path) -> tuple[str, ...]:
    """Problems that `verify` found in a restored copy. Raises BackupFailed when it could not be restored."""
    run_folder = settings.home / "run"
    run_folder.mkdir(parents=True, exist_ok=True)
    for left in run_folder.glob(f"{_SCRATCH}*"):  # of a drill that was killed, perhaps with its servers
        if (left / "run" / "processes.json").exists():
            _sentiment(left, ["down"])
        shutil.rmtree(left)
    scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=run_folder))
    try:
        keys = settings.backup_keys / f"{backup.name}.{manifest.KEYS}"
        options = {"--identity": identity, "--keys": keys, "--public-keys": settings.key_ring.public_keys_file}
        words = [word for name, path in options.items() for word in (name, str(path))]
        done = _sentiment(scratch, ["restore", str(backup), *words, "--json"])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    try:
        result = json.loads(done.stdout)
        return tuple(result["verified"]["problems"])
    except (ValueError, KeyError) as error:
        raise BackupFailed(what=f"the backup {backup.name}", problem=_message(done.stderr)) from error


def _sentiment(home: Path, words: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command line with this state folder, none of this process's settings, and ports of its own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        # a key that is no file is in no backup
        if not name.startswith(("SENTIMENT_", "MLFLOW_")) or name == "SENTIMENT_TOMBSTONE_SECRET"
    }
    command = [sys.executable, "-m", "sentiment_lib.cli", *words]
    try:
        return subprocess.run(
            command,
            env={**kept, **_free_ports(), "SENTIMENT_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SentimentError(f"`sentiment {words[0]}` took longer than {PATIENCE / 3600:.0f} hours") from error


def _free_ports() -> dict[str, str]:
    with ExitStack() as held:
        sockets = {name: held.enter_context(socket.create_server(("127.0.0.1", 0))) for name in sorted(PORTS)}
        return {name: str(one.getsockname()[1]) for name, one in sockets.items()}


def _message(stderr: str) -> str:
    try:
        return str(json.loads(stderr.strip().splitlines()[-1])["message"])
    except (ValueError, KeyError, IndexError):
        return stderr.strip()[-500:] or "the restore ended without a message"
