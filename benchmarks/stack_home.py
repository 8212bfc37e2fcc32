"""An embedded stack in a folder of its own, with access to its database and its Airflow."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.airflow_rest import Airflow
from sentiment_lib.settings import Settings
from sentiment_lib.storage.engine import Store

#: The command as it is installed beside this Python.
PROGRAM = str(Path(sys.executable).with_name("sentiment"))
#: A stack signs with its own keys, whatever the process that starts it signs with.
SIGNING_KEYS = "SENTIMENT_SIGNING_KEYS"


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class StackHome:
    """`sentiment up` in `home`, with these settings; `down` leaves nothing running."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        # ports of its own: a stack that a person works with may hold the usual ones
        ports = {f"SENTIMENT_PORT_{name}": str(free_port()) for name in ("AIRFLOW", "MLFLOW", "POSTGRES", "API")}
        inherited = {name: value for name, value in os.environ.items() if name != SIGNING_KEYS}
        self.environment = {**inherited, **ports, **environment, "SENTIMENT_HOME": str(home)}
        self.environment["XDG_STATE_HOME"] = str(home.with_name(f"{home.name}-state"))

    def sentiment(self, *arguments: str, seconds: float = 600, stdin: str | None = None) -> str:
        """Output of one command line; RuntimeError with its last words when it fails."""
        done = subprocess.run(
            [PROGRAM, *arguments],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            # problems stand in the output where a command lists them; its progress is on the error stream
            raise RuntimeError(f"sentiment {' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def up(self, *, sample: bool) -> None:
        """Start, or start again what is left."""
        self.sentiment("up", "--detach", *([] if sample else ["--no-sample"]))

    def down(self) -> None:
        """Stop everything."""
        self.sentiment("down")

    def status(self) -> Any:
        """Health of each component."""
        return json.loads(self.sentiment("status", "--json"))

    @property
    def settings(self) -> Settings:
        """Settings that the stack wrote, with the environment's policy on top."""
        kept = dict(os.environ)
        os.environ.pop(SIGNING_KEYS, None)
        os.environ.update({k: v for k, v in self.environment.items() if k.startswith("SENTIMENT_")})
        try:
            return Settings(_env_file=self.home / "secrets" / "settings.env")  # type: ignore[call-arg]
        finally:
            os.environ.clear()
            os.environ.update(kept)

    def airflow(self, user: str) -> Airflow:
        """Airflow as this user sees it."""
        return Airflow(self.settings.airflow_url, user, self.passwords()[user])

    def mlflow_reader(self) -> tuple[str, str]:
        """MLflow's account for people, as the login table shows it."""
        table = json.loads(self.sentiment("logins", "--json"))
        return next((row["user"], row["password"]) for row in table if row["component"].startswith("MLflow"))

    def rows(self, query: str, **values: Any) -> Sequence[Mapping[str, Any]]:
        """Rows of the sentiment database, as the role of steps."""
        return _run(Store.open(self.settings), query, values)

    def rows_as_owner(self, query: str, **values: Any) -> Sequence[Mapping[str, Any]]:
        """Rows, as the owner of the database: the only role that changes recorded facts."""
        from sentiment_lib.local import secrets, stack
        from sentiment_lib.local.state_folder import Home

        home = Home(self.home)
        credentials = secrets.read_or_create(home)
        url = secrets.database_url(credentials, stack.ports_in_use(home), "sentiment", "psycopg")
        return _run(Store(url), query, values)

    def sign_in(self, user: str, password: str | None = None) -> str:
        """Output of `sentiment login` as this user of Airflow."""
        secret = self.passwords()[user] if password is None else password
        return self.sentiment("login", "--user", user, "--password-stdin", stdin=f"{secret}\n")

    def passwords(self) -> dict[str, str]:
        """Password of each user of Airflow."""
        for path in (self.home / "secrets").glob("*.json"):
            found = json.loads(path.read_text())
            if isinstance(found, dict) and {"admin", "mlops"} <= found.keys():
                return found
        raise RuntimeError(f"No Airflow passwords in {self.home / 'secrets'}")


def _run(store: Store, query: str, values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Rows of the query in a transaction of its own; closes the store."""
    from sqlalchemy import text

    try:
        with store.begin() as connection:
            return [dict(row) for row in connection.execute(text(query), values).mappings()]
    finally:
        store.close()
