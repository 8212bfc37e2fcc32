"""The loop once, from outside: sample stream in, question, answer over REST, new champion. Called by compose.sh."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.airflow_rest import PATIENCE, Airflow

CHAMPION = "SELECT to_version FROM deployments WHERE state = 'done' ORDER BY deployment_id DESC LIMIT 1"


def main(env: str, url: str, compose: str) -> None:
    """Turn the loop; any surprise is an exception."""
    secrets = dict(line.split("=", 1) for line in Path(env).read_text().splitlines() if "=" in line and line[0] != "#")
    base = shlex.split(compose)

    def inside(service: str, *command: str) -> str:
        words = [*base, "exec", "-T", service, *command]
        return subprocess.run(words, text=True, stdout=subprocess.PIPE, check=True).stdout.strip()

    def value(query: str) -> str:
        return inside("postgres", "psql", "-U", "postgres", "-d", "sentiment", "-At", "-c", query)

    admin = Airflow(url, "admin", secrets["ADMIN_PASSWORD"])
    person = Airflow(url, "mlops", secrets["MLOPS_PASSWORD"])
    print(inside("worker", "sentiment", "ingest", "--sample"))
    assert admin.ended("ingest_tweets", admin.trigger("ingest_tweets")) == "success"
    assert int(value("SELECT count(*) FROM tweets")) > 0, "no tweet was stored"
    assert admin.ended("score_tweets", admin.trigger("score_tweets")) == "success"
    admin.until(lambda: int(value("SELECT count(*) FROM predictions")), seconds=180, what="predictions")
    before = value(CHAMPION)
    if not person.waiting():
        admin.trigger("retrain")
    run_id = person.until(person.waiting, seconds=300, what="a question")[0]
    time.sleep(PATIENCE)
    person.answer(run_id, "Promote", "the container test approves")
    assert admin.ended("retrain", run_id) == "success"
    after = value(CHAMPION)
    assert after != before, f"the champion is still version {before}"
    print(f"the champion was version {before}, and is version {after} after the approval")


if __name__ == "__main__":
    main(*sys.argv[1:])
