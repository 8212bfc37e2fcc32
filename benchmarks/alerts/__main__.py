"""Alert latency: third wrong prediction to message received, over bursts at random moments.

    python -m benchmarks.alerts [--quick] [--check]

Runs `sentiment alerts run`. Needs SENTIMENT_DATABASE_URL of an empty, migrated database; the receiver is a webhook on
loopback. Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

from sqlalchemy import text

from sentiment_lib.settings import Settings
from sentiment_lib.storage.engine import Store

BOUND = 60.0


def main() -> None:
    """Bursts of three corrections, one airline each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    seen: dict[str, float] = {}

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.setdefault(f"{body['title']}\n{body['message']}", time.monotonic())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = os.environ | {"SENTIMENT_ALERT_URLS": f"json://127.0.0.1:{server.server_port}/hook"}
    command = [sys.executable, "-c", "from sentiment_lib.cli import main; main()", "alerts", "run"]
    watcher = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    store = Store.open(Settings())
    bursts = 4 if chosen.quick else 20
    try:
        seconds = measure(store, seen, bursts)
    finally:
        watcher.terminate()
        watcher.wait(10)
        server.shutdown()
        store.close()
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    print(json.dumps({"benchmark": "alert_latency", "bursts": bursts, "p95_s": round(p95, 1), "bound_s": BOUND,
                      "median_s": round(ordered[len(ordered) // 2], 1)}))  # fmt: skip
    raise SystemExit(1 if chosen.check and p95 >= BOUND else 0)


def measure(store: Store, seen: dict[str, float], bursts: int) -> list[float]:
    """Seconds from the third correction of each burst to the message that names its airline."""
    prepare(store, bursts)
    found = []
    for burst in range(bursts):
        time.sleep(random.uniform(1, 10))
        with store.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO feedback (tweet_id, model_version, label, given_by) "
                    "SELECT tweet_id, model_version, 'positive', 'anna' "
                    "FROM predictions JOIN tweets USING (tweet_id) WHERE airline = :airline"
                ),
                {"airline": f"Airline {burst}."},
            )
        started = time.monotonic()
        while not any(f"Airline {burst}." in one for one in seen):
            if time.monotonic() - started > 3 * BOUND:
                break
            time.sleep(0.05)
        found.append(time.monotonic() - started)
        print(f"burst {burst}: {found[-1]:.1f} s", flush=True)
    return found


def prepare(store: Store, bursts: int) -> None:
    """Three predictions for each of the made-up airlines."""
    with store.begin() as connection:
        connection.execute(text("INSERT INTO ingests (source) VALUES ('benchmark')"))
        connection.execute(
            text(
                "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
                "VALUES (1, 'vader', 'd', 'r', 'k')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO tweets (tweet_id, text, airline, created_at, ingest_id) SELECT n + 1, 'late again', "
                "'Airline ' || n / 3 || '.', now(), 1 FROM generate_series(0, :last) n"
            ),
            {"last": 3 * bursts - 1},
        )
        connection.execute(
            text(
                "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
                "SELECT tweet_id, 1, 'negative', 1, 0, 0 FROM tweets"
            )
        )


if __name__ == "__main__":
    main()
