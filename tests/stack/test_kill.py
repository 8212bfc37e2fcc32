"""Killed anywhere and started again, the loop ends in the content of an undisturbed run."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.stack, pytest.mark.timeout(3600)]

KILLS = 12
SEED = 20150216
LIMIT = 900  # seconds for one round of the loop

# What must not depend on who died when: no ids that a database or MLflow hands out, no times of the clock.
CONTENT = {
    "tweets": "SELECT tweet_id, text, author_hash, language, airline, created_at FROM tweets ORDER BY tweet_id",
    "labels": "SELECT tweet_id, source, labelled_by, label FROM labels ORDER BY 1, 2, 3, 4",
    "quarantine": "SELECT reason, raw FROM quarantine ORDER BY 1, 2",
    "ingests": "SELECT sum(stored) AS stored FROM ingests",
    "snapshots": "SELECT content_hash FROM snapshots ORDER BY 1",
    "predictions": """SELECT p.tweet_id, m.family, p.label FROM predictions p
        JOIN model_versions m ON m.version = p.model_version ORDER BY 1, 2, 3""",
    "decisions": """SELECT d.answer, c.family AS candidate, h.family AS champion FROM decisions d
        JOIN evaluations e USING (evaluation_id) JOIN model_versions c ON c.version = e.candidate_version
        JOIN model_versions h ON h.version = e.champion_version ORDER BY d.decision_id""",
    "approvals": "SELECT answer, answered_by FROM approvals ORDER BY approval_id",
    "deployments": """SELECT d.kind, d.state, m.family FROM deployments d
        JOIN model_versions m ON m.version = d.to_version ORDER BY d.deployment_id""",
}


def test_a_dozen_kills_end_in_the_same_content_as_none():
    undisturbed = turn(kills=0)
    killed = turn(kills=KILLS)
    for name, rows in undisturbed.items():
        assert killed[name] == rows, name


def turn(*, kills):
    """One whole loop on the sample stream, with this many kills on the way; gives its content."""
    from benchmarks.stack_home import StackHome

    folder = Path(tempfile.mkdtemp(prefix="kill-"))
    stack = StackHome(
        folder / "home",
        SENTIMENT_POLICY__RETRAIN__COOL_DOWN="P10D",
        SENTIMENT_POLICY__RETRAIN__NEW_LABELS="1000000",
    )
    rng, killed = random.Random(SEED), 0
    try:
        stack.up(sample=True)
        began = time.monotonic()
        while not done(stack):
            assert time.monotonic() - began < LIMIT + 60 * kills, f"the loop did not end; {killed} kills"
            if killed < kills:
                time.sleep(rng.uniform(0.5, 8))
                if kill_one(stack.home, rng):
                    killed += 1
                    stack.up(sample=True)
            answer_what_waits(stack)
        assert killed == kills, f"only {killed} kills before the loop ended"
        return {name: stack.rows(query) for name, query in CONTENT.items()}
    finally:
        stack.down()
        shutil.rmtree(folder, ignore_errors=True)


def done(stack):
    """A promotion is done, and the new champion has scored every tweet."""
    moved = stack.rows("SELECT to_version FROM deployments WHERE kind = 'promotion' AND state = 'done'")
    left = """SELECT count(*) AS n FROM tweets t WHERE NOT EXISTS
        (SELECT FROM predictions p WHERE p.tweet_id = t.tweet_id AND p.model_version = :version)"""
    return bool(moved) and not stack.rows(left, version=moved[-1]["to_version"])[0]["n"]


def answer_what_waits(stack):
    """Promote whatever waits; a question that a kill brought back is answered again."""
    from benchmarks.airflow_rest import PATIENCE

    person = stack.airflow("mlops")
    for run_id in person.waiting():
        time.sleep(PATIENCE)
        if run_id in person.waiting():
            person.answer(run_id, "Promote", "the test of kills")
    time.sleep(1)


def kill_one(home, rng):
    """kill -9 one process that belongs to this home: a task, the supervisor, MLflow, Postgres or a part of Airflow."""
    ours = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("SENTIMENT_HOME") == str(home) or str(home) in " ".join(process.cmdline()):
                ours.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    if not ours:
        return False
    try:
        rng.choice(sorted(ours, key=lambda process: process.pid)).kill()
    except psutil.NoSuchProcess:
        return False
    return True
