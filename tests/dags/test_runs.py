"""Retrain as Airflow runs it, task by task, with its steps replaced: who is trained where, and how a run ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Runs the DAG once for each list of families; prints state, tasks by state, and the decisions that approval was
#: requested for.
PROGRAM = """
import json, sys
from types import SimpleNamespace as Record
from sentiment_airflow import dag_alerts, notifiers, retrain_tasks
from sentiment_lib.errors import NotEnoughLabels, NotFound, TrainingRefused
from sentiment_lib.settings import Settings
from sentiment_lib.steps.decisions import check_approval, evaluate, request_approval
from sentiment_lib.steps.training import family_selection, request_retrain, snapshot, train
from sentiment_lib.storage.retrain_requests import RetrainRequest

def take(**options):
    return [RetrainRequest(request_id=1, rule="person", reason="a test")]

def freeze():
    if case["snapshot"]:
        raise {"few": NotEnoughLabels, "lost": NotFound}[case["snapshot"]](case["snapshot"])
    return Record(snapshot_id=5)

def train_family(order):
    if order.family in case["fail"]:
        raise TrainingRefused(family=order.family, problem="made up")
    assert order.run_started_at.tzinfo, order
    return Record(version=len(order.family), family=order.family)

def decide(candidate, **options):
    return Record(decision_id=candidate, verdict="HOLD", candidate_version=1, evidence_hash="e")

def request(decision_ids, **options):
    judged_ids.extend(decision_ids)

STEPS = {
    request_retrain.claim_requests: take,
    snapshot.run: freeze,
    family_selection.plan_trainings: lambda **options: orders(None, Settings(), **options),
    train.run: train_family,
    evaluate.run: decide,
    request_approval.run: request,
    check_approval.run: lambda **options: None,
}
orders = family_selection.plan_trainings
retrain_tasks.run_step = lambda step, *values, **options: STEPS[step](*values, **options)
notifiers.FailureNotice.notify = lambda self, context: failures.append(dag_alerts._key("retrain", context["ti"]))
notifiers.FamilyRecovery.notify = lambda self, context: recoveries.append(dag_alerts._key("retrain", context["ti"]))
from airflow.dag_processing.dagbag import DagBag
dag = DagBag("dags").dags["retrain"]
results = []
for case in json.loads(sys.argv[1]):
    judged_ids, failures, recoveries = [], [], []
    run = dag.test(run_conf={"families": case["families"]})
    tasks = sorted([t.task_id, t.map_index, str(t.state), t.pool] for t in run.get_task_instances())
    alerts = {"failures": failures, "recoveries": sorted(recoveries)}
    results.append({"state": str(run.state), "judged": sorted(judged_ids), "tasks": tasks, **alerts})
print("FOUND " + json.dumps(results))
"""


@pytest.fixture
def runs(airflow):
    def run(*cases):
        whole = [{"families": ["tfidf_logreg"], "fail": [], "snapshot": None} | case for case in cases]
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, json.dumps(whole)],
            cwd=ROOT,
            env=airflow,
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
        assert lines, done.stdout[-2000:] + done.stderr[-2000:]
        return json.loads(lines[0].removeprefix("FOUND "))

    return run


def test_the_pools_of_the_trainings_are_made_with_airflows_tables(airflow):
    listed = [str(Path(sys.executable).with_name("airflow")), "pools", "list", "--output", "json"]
    pools = json.loads(subprocess.run(listed, env=airflow, capture_output=True, text=True, check=True).stdout)
    slots = {pool["pool"]: pool["slots"] for pool in pools}
    assert (slots["training"], slots["fine_tuning"]) == ("2", "1")


def test_networks_are_fine_tuned_in_a_pool_of_their_own_and_a_family_that_fails_stops_no_other(runs):
    (mixed,) = runs({"families": ["tfidf_logreg", "vader", "bert"], "fail": ["vader"]})
    trained = [task for task in mixed["tasks"] if task[0].endswith(".train")]
    assert trained == [
        ["classical.train", 0, "success", "training"],
        ["classical.train", 1, "failed", "training"],
        ["fine_tuned.train", 0, "success", "fine_tuning"],
    ]
    assert (mixed["state"], mixed["judged"]) == ("success", [4, 12])
    assert mixed["failures"] == ["dag_failure/retrain/classical.train/vader"]
    assert mixed["recoveries"] == [
        "dag_failure/retrain/classical.evaluate/tfidf_logreg",
        "dag_failure/retrain/classical.train/tfidf_logreg",
        "dag_failure/retrain/fine_tuned.evaluate/bert",
        "dag_failure/retrain/fine_tuned.train/bert",
    ]


def test_a_run_ends_as_its_families_and_its_snapshot_did(runs):
    network, few, lost = runs({"families": ["bert"]}, {"snapshot": "few"}, {"snapshot": "lost"})
    assert (network["state"], network["judged"]) == ("success", [4])
    assert (few["state"], few["judged"]) == ("success", [])
    assert (lost["state"], lost["judged"]) == ("failed", [])
