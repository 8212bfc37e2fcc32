"""Tries to read and write the embedded stack's files as another user of the machine."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.security.stack.access_table import Table

if TYPE_CHECKING:
    from benchmarks.stack_home import StackHome

#: Column of docs/security.md: user and group that run the attempt; None is the user of this process.
USERS = {"who runs the stack": (None, None), "another user of the machine": ("nobody", "nogroup")}
#: Action: command, and a path or pattern below the state folder; all that it matches is tried, and something must be.
FILES = {
    "read settings with passwords": ("cat", "secrets/settings.env"),
    "read passwords of the components": ("cat", "secrets/stack.env.json"),
    "read the key of the API": ("cat", "secrets/api-key"),
    "read private signing keys": ("cat", "secrets/signing/*.pem"),
    "list the state folder": ("ls", "."),
    "read snapshots": ("cat", "snapshots/**/*.parquet"),
    "read raw files that were ingested": ("cat", "landing/done/*"),
    "put a file into the landing folder": ("touch", "landing/put-by-a-stranger.csv"),
    "read logs": ("cat", "logs/*.log"),
    "read anchors": ("cat", "anchors/ledger.jsonl"),
    "change anchors": ("touch", "anchors/ledger.jsonl"),
    "read packages": ("cat", "mlflow/**/manifest.json"),
    "replace packages": ("touch", "mlflow/**/manifest.json"),
    "read the database's files": ("cat", "postgres/PG_VERSION"),
}


def walk(stack: StackHome) -> Table:
    """Outcome of each action as each user; a person's token and the environment of each process are tried too."""
    home = stack.home
    targets = {action: (verb, _matches(home, pattern)) for action, (verb, pattern) in FILES.items()}
    token = Path(stack.environment["XDG_STATE_HOME"])
    targets["read a person's token"] = "cat", [path for path in token.rglob("*") if path.is_file()]
    pids = [part["pid"] for part in stack.status()["components"].values() if part["pid"]]
    targets["read the environment of components"] = "cat", [Path(f"/proc/{pid}/environ") for pid in pids]
    for action, (_, paths) in targets.items():
        assert paths, f"nothing to {action}"
    return {
        action: {name: _outcome(verb, paths, *user) for name, user in USERS.items()}
        for action, (verb, paths) in targets.items()
    }


def _matches(home: Path, pattern: str) -> list[Path]:
    return sorted(home.glob(pattern)) if "*" in pattern else [home / pattern]


def _outcome(verb: str, paths: list[Path], user: str | None, group: str | None) -> str:
    """yes when all attempts succeed, no when none does, or else the paths that differ."""
    as_user = {} if user is None else {"user": user, "group": group, "extra_groups": []}
    allowed = [
        path
        for path in paths
        if subprocess.run([verb, path], capture_output=True, cwd="/", check=False, **as_user).returncode == 0
    ]
    return "yes" if allowed == paths else "no" if not allowed else f"only {allowed}"
