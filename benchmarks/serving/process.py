"""The real `sentiment serve` in its own process, clients that record accepted predictions, a link that can be cut."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from sentiment_lib.settings import Settings

#: Settings of the API without a rate limit.
UNLIMITED = {"poll_seconds": 0.1, "texts_per_second": 1e6, "burst_texts": 1e6}


class Served:
    """`sentiment serve` on a port; `kill` is SIGKILL."""

    def __init__(self, home: Path, database_url: str, port: int, serving: Mapping[str, Any] = UNLIMITED) -> None:
        self.port, self.home = port, home
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("SENTIMENT_")}
        self._environment |= {
            "SENTIMENT_HOME": str(home),
            "SENTIMENT_DATABASE_URL": database_url,
            "SENTIMENT_AUTHOR_KEY": "key of a trial",
            "SENTIMENT_MLFLOW_URI": "http://127.0.0.1:9",
            "SENTIMENT_SERVING": json.dumps(dict(serving)),
            # the keys that this process signs with, by which the API knows the champion
            "SENTIMENT_PUBLIC_KEYS": str(Settings(home=home).key_ring.public_keys_file),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, seconds: float = 90) -> None:
        """Start, and return when it is ready."""
        command = [sys.executable, "-m", "sentiment_lib.cli", "serve", "--port", str(self.port)]
        with (self.home / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        give_up = time.monotonic() + seconds
        while self.ready() is None:
            if self._process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"it did not start: {(self.home / 'serve.log').read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def all_stored(self) -> bool:
        """Whether nothing waits for the database; False when it does not answer or is not ready."""
        ready = self.ready()
        return ready is not None and not ready["spool_bytes"]

    def ready(self) -> dict[str, Any] | None:
        """What /readyz says; None when it does not answer or is not ready."""
        try:
            status, body = ask(self.port, "GET", "/readyz", None, {})
        except (OSError, http.client.HTTPException):
            return None
        return body if status == 200 else None


def ask(
    port: int, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
) -> tuple[int, dict[str, Any]]:
    """Status and JSON of one request; OSError or HTTPException when the answer does not come whole."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        given = {"Content-Type": "application/json", **headers}
        connection.request(method, path, None if body is None else json.dumps(body), given)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


class Callers:
    """Threads that ask without pause, each text once ever; a request that fails is counted, and not sent again."""

    def __init__(
        self, port: int, key: str, *, threads: int = 3, seen: Callable[[dict[str, Any]], None] | None = None,
        texts: Callable[[int], list[str]] | None = None,
    ) -> None:  # fmt: skip
        self.accepted: list[str] = []
        self.refused: list[int] = []
        self.broken = 0
        self._numbers = itertools.count()
        self._port, self._key, self._seen = port, key, seen
        self._texts = texts or (lambda number: [f"flight {number} part {part} was late" for part in range(3)])
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            body = {"texts": self._texts(next(self._numbers))}
            try:
                status, answer = ask(self._port, "POST", "/v1/predict", body, {"X-API-Key": self._key})
            except (OSError, http.client.HTTPException, ValueError):
                self.broken += 1
                time.sleep(0.02)
                continue
            if status != 200:
                self.refused.append(status)
                continue
            self.accepted += [one["prediction_id"] for one in answer["predictions"]]
            if self._seen is not None:
                self._seen(answer)


class Link:
    """A TCP port in front of the database of a URL; `cut` closes it with all that runs through it."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        folder = parsed.query.get("host")
        port = int(parsed.port or 5432)
        self._target: Any = f"{folder}/.s.PGSQL.{port}" if folder else (parsed.host or "127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.up = True
        where = {"host": "127.0.0.1", "port": self._listener.getsockname()[1]}
        self.url = parsed.set(**where, query={}).render_as_string(hide_password=False)
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """The database is away: what is open breaks, what is new is closed at once."""
        self.up = False
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def mend(self) -> None:
        """It is back."""
        self.up = True

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            if not self.up:
                near.close()
                continue
            far = socket.socket(socket.AF_UNIX if isinstance(self._target, str) else socket.AF_INET)
            far.connect(self._target)
            self._open += [near, far]
            threading.Thread(target=_carry, args=(near, far), daemon=True).start()


def _carry(near: socket.socket, far: socket.socket) -> None:
    with near, far, contextlib.suppress(OSError, ValueError):
        while True:
            for one in select.select([near, far], [], [])[0]:
                data = one.recv(65536)
                if not data:
                    return
                (far if one is near else near).sendall(data)
