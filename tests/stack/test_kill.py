"""Killed anywhere and started again, the loop ends in the content of an undisturbed run."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from sqlalchemy.exc import OperationalError

pytestmark = [pytest.mark.stack, pytest.mark.timeout(3600)]

SEED = 20150216
LIMIT = 900  # seconds for one round of the loop
#: The supervisor is killed once more, in the middle of its first start. What is killed before the answer and after it.
BEFORE = ["task", "task", "task", "supervisor", "mlflow", "postgres", "airflow-scheduler", "airflow-api-server", "api"]
AFTER = ["task", "mlflow", "postgres", "supervisor", "alerts"]
#: Rules that would start a second retrain at a moment that depends on the clock are kept from it, and new tweets too.
POLICY = {
    "SENTIMENT_POLICY__RETRAIN__COOL_DOWN": "P10D",
    "SENTIMENT_POLICY__RETRAIN__NEW_LABELS": "1000000",
    "SENTIMENT_POLICY__DRIFT__RETRAIN_ON": "never",
    "SENTIMENT_SAMPLE_PER_DAY": "0",
}

# What must not depend on who died when: no ids that a database or MLflow hands out, no times of the clock.
CONTENT = {
    "tweets": "SELECT tweet_id, text, author_hash, language, airline, created_at FROM tweets ORDER BY tweet_id",
    "labels": "SELECT tweet_id, source, labelled_by, label FROM labels ORDER BY 1, 2, 3, 4",
    "quarantine": "SELECT reason, raw FROM quarantine ORDER BY 1, 2",
    "ingests": "SELECT sum(stored) AS stored FROM ingests",
    "snapshots": "SELECT content_hash FROM snapshots ORDER BY 1",
    "predictions": """SELECT p.tweet_id, m.family, p.label FROM predictions p
        JOIN model_versions m ON m.version = p.model_version ORDER BY 1, 2, 3""",
    "decisions": """SELECT d.verdict, c.family AS candidate, h.family AS champion FROM decisions d
        JOIN evaluations e USING (evaluation_id) JOIN model_versions c ON c.version = e.candidate_version
        JOIN model_versions h ON h.version = e.champion_version ORDER BY d.decision_id""",
    "approvals": "SELECT response, answered_by FROM approvals ORDER BY approval_id",
    "deployments": """SELECT d.kind, d.state, m.family FROM deployments d
        JOIN model_versions m ON m.version = d.to_version ORDER BY d.deployment_id""",
}


def test_a_dozen_kills_end_in_the_same_content_as_none():
    with tempfile.TemporaryDirectory(prefix="kill-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        undisturbed, killed = Turn(Path(folder) / "undisturbed"), Turn(Path(folder) / "killed")
        undisturbed.run([], [])
        killed.start_as(undisturbed)
        killed.run(BEFORE, AFTER)
    print(f"killed: {dict(killed.killed)}")
    assert killed.killed.total() == 1 + len(BEFORE) + len(AFTER)
    assert killed.killed["task"] >= 3, "too few tasks were killed to tell"
    for name, rows in undisturbed.content.items():
        assert rows, f"the undisturbed run has no {name}"
        assert killed.content[name] == rows, name


LANDED = """tweet_id,text,author,created_at
1990000000000000001,@united where is my bag,someone,2026-11-01T10:00:00Z
1990000000000000002,@Delta what a lovely crew,another,2026-11-01T10:05:00Z
no id,@Delta is anyone there,another,2026-11-01T10:06:00Z
"""


class Turn:
    """One whole loop on the sample stream."""

    def __init__(self, home):
        from benchmarks.stack_home import StackHome

        self.stack = StackHome(home, **POLICY)
        self.killed = Counter()
        self.content = {}
        self._rng = random.Random(SEED)

    def start_as(self, other):
        """The key of the authors' hashes and the first day of the sample stream are those of the other turn."""
        for name in ("secrets/stack.env.json", "secrets/airflow-passwords.json", "run/first-run.json"):
            (self.stack.home / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copy2(other.stack.home / name, self.stack.home / name)

    def run(self, before, after):
        """Turn the loop with these kills before and after the answer; its content is kept."""
        before, after = self._shuffled(before), self._shuffled(after)
        try:
            if before:
                self._killed_start()
            self._land()
            self.stack.up(sample=True)
            for kind in before:
                self._kill(kind, self._rng.uniform(0.3, 5))
            self._until(self._question, "a question, and every tweet scored by the first champion")
            self._answer()
            for kind in after:
                self._kill(kind, self._rng.uniform(0.3, 3))
            self._until(self._done, "the promotion, and every tweet scored by the new champion")
            self.stack.sentiment("verify")
            self.content = {name: self.stack.rows(query) for name, query in CONTENT.items()}
        finally:
            self.stack.down()

    def _land(self):
        landing = self.stack.home / "landing"
        landing.mkdir(parents=True, exist_ok=True)
        (landing / "late.csv").write_text(LANDED)

    def _shuffled(self, kinds):
        return self._rng.sample(kinds, len(kinds))

    def _killed_start(self):
        from benchmarks.stack_home import PROGRAM

        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        starting = subprocess.Popen([PROGRAM, "up"], env=self.stack.environment, **quiet)
        time.sleep(self._rng.uniform(4, 15))
        assert starting.poll() is None, "the first start ended by itself"
        starting.kill()
        starting.wait()
        self.killed["supervisor"] += 1

    def _kill(self, kind, seconds):
        """kill -9 one process of this kind after so many seconds, then have the stack up again."""
        time.sleep(seconds)
        give_up = time.monotonic() + 240
        while not (living := self._living(kind)) or not self._end(self._rng.choice(living)):
            assert time.monotonic() < give_up, f"no {kind} to kill"
            if kind == "task" and time.monotonic() > give_up - 220:
                self.stack.airflow("admin").trigger("score_tweets")  # a part of the loop that may run at any time
                give_up += 20
            time.sleep(0.1)
        self.killed[kind] += 1
        self.stack.up(sample=True)

    def _living(self, kind):
        """Processes of this kind; a task is what a busy worker of the scheduler runs, or that worker."""
        from sentiment_lib.local import processes

        pids = processes.recorded(self.stack.home / "run" / "processes.json")
        name = "airflow-scheduler" if kind == "task" else kind
        try:
            parents = [psutil.Process(pids[name])] if name in pids else []
            if kind != "task":
                return parents
            return [child for parent in parents for child in parent.children(recursive=True) if self._busy(child)]
        except psutil.NoSuchProcess:
            return []

    @staticmethod
    def _busy(process):
        # its environment says nothing: Airflow's programs write their titles over it
        title = " ".join(process.cmdline())
        return title.startswith("airflow worker") and "idle" not in title

    @staticmethod
    def _end(process):
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            return False
        return True

    def _until(self, ready, what):
        give_up = time.monotonic() + LIMIT
        while not self._answered(ready):
            assert time.monotonic() < give_up, f"not within {LIMIT} s after {self.killed.total()} kills: {what}"
            time.sleep(1)

    @staticmethod
    def _answered(ready):
        try:
            return ready()
        except OperationalError:  # the server that was just killed is on its way back
            return False

    def _question(self):
        first = self.stack.rows("SELECT to_version FROM deployments WHERE kind = 'bootstrap' AND state = 'done'")
        landed = self.stack.rows("SELECT 1 FROM quarantine")
        return first and landed and not self._unscored(first[0]["to_version"]) and self.stack.airflow("mlops").waiting()

    def _answer(self):
        from benchmarks.airflow_rest import PATIENCE

        time.sleep(PATIENCE)
        person = self.stack.airflow("mlops")
        for run_id in person.waiting():
            person.answer(run_id, "Promote", "the test of kills")

    def _done(self):
        person = self.stack.airflow("mlops")
        if person.waiting():  # a kill brought the question back: a person answers again
            self._answer()
        moved = self.stack.rows("SELECT to_version FROM deployments WHERE kind = 'promotion' AND state = 'done'")
        return moved and not self._unscored(moved[-1]["to_version"])

    def _unscored(self, version):
        query = """SELECT count(*) AS n FROM tweets t WHERE NOT EXISTS
            (SELECT FROM predictions p WHERE p.tweet_id = t.tweet_id AND p.model_version = :version)"""
        return self.stack.rows(query, version=version)[0]["n"]
