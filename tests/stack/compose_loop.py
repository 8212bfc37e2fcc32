"""The loop once, from outside: tweets in, a question, the answer over REST, a new champion. Called by compose.sh."""

from __future__ import annotations

import csv
import io
import random
import shlex
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.airflow_rest import PATIENCE, Airflow

WORDS = {
    "negative": ("lost my bag again", "cancelled without a word", "three hours on hold", "the rudest crew ever"),
    "neutral": ("is there a flight at noon", "which gate is it", "do you fly to Boston", "what is the bag limit"),
    "positive": ("thank you for the upgrade", "the best crew", "on time as always", "great help at the desk"),
}
CHAMPION = "SELECT to_version FROM deployments WHERE state = 'done' ORDER BY deployment_id DESC LIMIT 1"


def tweets(rows: int = 1500) -> str:
    """Made-up labelled tweets of the past week as CSV; VADER cannot know what a lost bag means, a trained model can."""
    chance, start = random.Random(0), datetime.now(UTC) - timedelta(days=7)
    page = io.StringIO()
    writer = csv.writer(page)
    writer.writerow(["tweet_id", "text", "author", "created_at", "label"])
    for number in range(rows):
        label = chance.choices(tuple(WORDS), (60, 20, 20))[0]
        text = f"@united {chance.choice(WORDS[label])}, flight {chance.randrange(100, 9999)}"
        moment = start + timedelta(seconds=number * 6.5 * 86400 / rows)
        writer.writerow([970000000000000000 + number, text, f"someone{number % 300}", moment.isoformat(), label])
    return page.getvalue()


def main(env: str, url: str, compose: str) -> None:
    """Turn the loop; any surprise is an exception."""
    secrets = dict(line.split("=", 1) for line in Path(env).read_text().splitlines() if "=" in line and line[0] != "#")
    base = shlex.split(compose)

    def inside(service: str, *command: str, given: str = "") -> str:
        done = subprocess.run([*base, "exec", "-T", service, *command], input=given, text=True, stdout=-1, check=True)
        return done.stdout.strip()

    def value(query: str) -> str:
        return inside("postgres", "psql", "-U", "postgres", "-d", "sentiment", "-At", "-c", query)

    admin = Airflow(url, "admin", secrets["ADMIN_PASSWORD"])
    person = Airflow(url, "mlops", secrets["MLOPS_PASSWORD"])
    drop = "cat > /var/lib/sentiment/landing/.draft && cd /var/lib/sentiment/landing && mv .draft week.csv"
    inside("worker", "sh", "-c", drop, given=tweets())

    assert admin.ended("ingest_tweets", admin.trigger("ingest_tweets")) == "success"
    assert int(value("SELECT count(*) FROM tweets")) > 0, "no tweet was stored"
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
