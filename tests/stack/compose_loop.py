"""The loop once, from outside: sample stream in, question, answer over REST, new champion. Called by compose.sh."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.airflow_rest import Airflow
from tests.security.stack import compose_access

CHAMPION = "SELECT to_version FROM deployments WHERE state = 'done' ORDER BY deployment_id DESC LIMIT 1"
#: Run in the API's container: what Airflow's image trained, this one must be able to answer with.
LOADED = """
import sys
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import load_settings
registry = Registry(load_settings())
for version in sys.argv[1:]:
    print(version, registry.load(int(version)).predict_proba(["my bag is lost"]).shape)
"""
DAGS = ("ingest_tweets", "score_tweets", "retrain", "check_drift", "maintain")


class Containers:
    """The running containers, by `docker compose`."""

    def __init__(self, compose: str) -> None:
        self._base = shlex.split(compose)

    def inside(self, service: str, *command: str, stdin: str | None = None) -> str:
        """What the command printed."""
        words = [*self._base, "exec", "-T", service, *command]
        return subprocess.run(words, text=True, input=stdin, stdout=subprocess.PIPE, check=True).stdout.strip()

    def rows(self, query: str) -> list[str]:
        """The first column of an SQL answer."""
        return self.inside("postgres", "psql", "-U", "postgres", "-d", "sentiment", "-At", "-c", query).splitlines()

    def value(self, query: str) -> int:
        """The number that an SQL answer consists of; 0 when there is no row."""
        return int("".join(self.rows(query)) or 0)

    def drop(self, name: str, content: str) -> None:
        """Put a file into the landing folder, whole or not at all."""
        folder = "/var/lib/sentiment/landing"
        move = f"cat > {folder}/.{name} && mv {folder}/.{name} {folder}/{name}"
        self.inside("worker", "sh", "-c", move, stdin=content)


def ask_the_api(containers: Containers, admin: Airflow, url: str, champion: int) -> None:
    """A key is made inside, a tweet is predicted from outside by the new champion, and a person corrects it."""
    key = containers.inside(
        "worker", "sentiment", "keys", "create", "tester", "--role", "predict", "--role", "feedback"
    )

    def post(path: str, body: dict[str, object]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        with urlopen(Request(f"{url}{path}", json.dumps(body).encode(), headers), timeout=30) as answer:
            document: dict[str, Any] = json.load(answer)
        return document

    answer = post("/v1/predict", {"text": "@united rude crew and my bag is lost"})
    assert answer["model_version"] == champion, f"the API answers by version {answer['model_version']}"
    prediction_id = answer["predictions"][0]["prediction_id"]
    post("/v1/feedback", {"prediction_id": prediction_id, "label": "neutral"})
    feedback = "SELECT count(*) FROM feedback WHERE given_by = 'tester' AND label = 'neutral'"
    admin.until(lambda: containers.value(feedback) == 1, seconds=30, what="the feedback in the database")


def main(env: str, url: str, api_url: str, compose: str) -> None:
    """Turn the loop; any surprise is an exception."""
    started = time.monotonic()
    secrets = dict(line.split("=", 1) for line in Path(env).read_text().splitlines() if "=" in line and line[0] != "#")
    containers = Containers(compose)
    admin = Airflow(url, "admin", secrets["ADMIN_PASSWORD"])
    person = Airflow(url, "mlops", secrets["MLOPS_PASSWORD"])

    def say(text: str) -> None:
        print(f"[loop {time.monotonic() - started:4.0f}s] {text}", flush=True)

    say(containers.inside("worker", "sentiment", "ingest", "--sample", "--days", "14", "--json"))
    assert containers.value("SELECT count(*) FROM tweets") > 0, "no tweet was stored"

    assert admin.ended("score_tweets", admin.trigger("score_tweets")) == "success"
    before = containers.value(CHAMPION)
    say(f"{containers.value('SELECT count(*) FROM predictions')} predictions; the champion is version {before}")
    assert containers.value("SELECT count(*) FROM predictions") > 0, "the champion scored nothing"

    own = admin.trigger("retrain")
    person.until(lambda: own in person.waiting(), seconds=900, what="a question")
    say(f"asked: {person.question(own)['subject']}")
    wanted = json.loads(containers.inside("worker", "printenv", "SENTIMENT_POLICY__RETRAIN__FAMILIES"))
    trained = containers.rows("SELECT family FROM model_versions")
    assert set(wanted) <= set(trained), f"trained were {trained}, not all of {wanted}"
    versions = containers.rows("SELECT version FROM model_versions ORDER BY version")
    loaded = containers.inside("api", "python", "-c", LOADED, *versions).splitlines()
    assert loaded == [f"{version} (1, 3)" for version in versions], f"the API's image loads {loaded} of {versions}"
    say(f"trained: {', '.join(trained)}; each answers in the API's image")
    refused = compose_access.forge(person, own)
    assert refused == [403] * 4, f"an approver's attempts to forge an approval got {refused}"
    say("an approver may not write XCom, set task states, clear or trigger")
    say(f"{compose_access.walk(containers, secrets, own)} cells of role and action are as docs/security.md says")
    person.answer(own, "Promote", "the container test approves")
    assert admin.ended("retrain", own) == "success"
    after = containers.value(CHAMPION)
    said = containers.rows("SELECT title || ': ' || body FROM alerts ORDER BY alert_id DESC LIMIT 5")
    assert after != before, f"the champion is still version {before}; the newest alerts: {said}"
    answered = containers.value("SELECT count(*) FROM approvals WHERE response = 'approved' AND answered_by = 'mlops'")
    assert answered == 1, "the answer is not in the ledger under the approver's name"
    say(f"the champion was version {before}, and is version {after} after the approval")

    late, now = "1987654321012345678", datetime.now(UTC).isoformat(timespec="seconds")
    containers.drop("late.csv", f"tweet_id,text,author,created_at\n{late},@united my bag is lost again,late,{now}\n")
    admin.ended("ingest_tweets", admin.trigger("ingest_tweets"))
    scored = f"SELECT count(*) FROM predictions WHERE tweet_id = '{late}' AND model_version = {after}"
    admin.until(lambda: containers.value(scored), seconds=180, what="a score by the new champion")
    say("a later tweet is scored by the new champion")
    ask_the_api(containers, admin, api_url, after)
    say("the API answers by the new champion, and keeps feedback")
    for dag_id in DAGS:
        for run_id in admin.runs(dag_id):
            for task in admin.tasks(dag_id, run_id):
                if task["try_number"] > 1 or task["state"] == "failed":
                    say(f"{dag_id} {run_id} {task['task_id']} {task['state']} at try {task['try_number']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
