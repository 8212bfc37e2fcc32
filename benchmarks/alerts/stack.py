"""Alert latency through the whole stack: API, spool, database, alert rules, outbox, webhook.

    python -m benchmarks.alerts.stack [--bursts 20] [--seconds 900] [--quick] [--check]

Starts an embedded stack in a temporary home; texts and corrections go through the API; the receiver is a webhook on
loopback. Each incident is renamed after its burst, so that every burst opens a new one. Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from sqlalchemy import text

from benchmarks.stack_home import StackHome
from sentiment_lib.storage.engine import Store

BOUND = 60.0
#: No "resolved" messages during the run and no digests: each burst is timed by its own message.
POLICY = {"SENTIMENT_POLICY__ALERTS__SETTLE": "P1D", "SENTIMENT_POLICY__ALERTS__DIGEST_OVER": "1000"}


def main() -> None:
    """Send bursts of three wrong predictions at random moments and time their messages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bursts", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=900, help="no new burst after this time")
    parser.add_argument("--quick", action="store_true", help="three bursts")
    parser.add_argument("--check", action="store_true", help=f"exit 1 unless p95 is under {BOUND:.0f} s")
    chosen = parser.parse_args()
    seen: dict[str, float] = {}
    hook = _receiver(seen)
    with tempfile.TemporaryDirectory(prefix="latency-") as folder:
        url = f"json://127.0.0.1:{hook.server_port}/hook"
        stack = StackHome(Path(folder) / "home", SENTIMENT_ALERT_URLS=url, **POLICY)
        try:
            stack.up(sample=False)
            stack.sentiment("bootstrap")
            key = stack.sentiment("keys", "create", "benchmark", "--role", "predict", "--role", "feedback").strip()
            found = measure(stack, key, seen, 3 if chosen.quick else chosen.bursts, chosen.seconds)
        finally:
            stack.down()
            hook.shutdown()
    ordered = sorted(found)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    figures = {"bursts": len(found), "median_s": round(ordered[len(ordered) // 2], 1), "p95_s": round(p95, 1)}
    print(
        json.dumps({"benchmark": "alert_latency_stack", **figures, "most_s": round(ordered[-1], 1), "bound_s": BOUND})
    )
    raise SystemExit(1 if chosen.check and p95 >= BOUND else 0)


def measure(stack: StackHome, key: str, seen: dict[str, float], bursts: int, budget: float) -> list[float]:
    """Seconds from the API's answer to the third correction until the message that quotes the burst's text."""
    base, begun, found = stack.settings.api_url, time.monotonic(), []
    store = Store.open(stack.settings)
    _until_ready(base)
    for burst in range(bursts):
        if time.monotonic() - begun > budget:
            break
        time.sleep(random.uniform(0.5, 5))
        words = [f"flight {burst}x{number} of United is late again" for number in range(3)]
        answers = _post(f"{base}/v1/predict", key, {"texts": words})["predictions"]
        for one in answers:
            wrong = "positive" if one["label"] != "positive" else "negative"
            _post(f"{base}/v1/feedback", key, {"prediction_id": one["prediction_id"], "label": wrong})
        started = time.monotonic()
        while time.monotonic() - started < 2 * BOUND and not any(f"flight {burst}x" in one for one in list(seen)):
            time.sleep(0.05)
        found.append(time.monotonic() - started)
        print(f"burst {burst}: {found[-1]:.1f} s", flush=True)
        with store.begin() as connection:
            connection.execute(text("UPDATE feedback SET given_at = given_at - interval '1 day'"))
            connection.execute(
                text("UPDATE alerts SET dedup_key = dedup_key || '/' || alert_id, resolved_at = now() "
                     "WHERE resolved_at IS NULL AND kind = 'wrong_predictions'")
            )  # fmt: skip
    store.close()
    return found


def _receiver(seen: dict[str, float]) -> HTTPServer:
    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.setdefault(f"{body['title']}\n{body['message']}", time.monotonic())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _post(url: str, key: str, body: dict[str, Any]) -> Any:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}", "X-API-Key": key}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def _until_ready(base: str) -> None:
    for _ in range(240):
        try:
            with urllib.request.urlopen(f"{base}/readyz", timeout=3) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError(f"the API at {base} did not become ready")


if __name__ == "__main__":
    main()
