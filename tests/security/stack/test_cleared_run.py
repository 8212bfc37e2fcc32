"""Airflow's own records of who cleared a run and who sent an asset event, and the policy that the stack records."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from sentiment_lib.airflow_client import run_path, task_path
from sentiment_lib.steps.operations import run_people
from sentiment_lib.steps.operations.run_people import AssetOrigin

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


def test_airflow_says_who_cleared_a_run_and_who_sent_an_asset_event(running):
    admin, other = running.airflow("admin"), running.airflow("mlops")
    run_id = admin.trigger("rollback", to_version=99, reason="there is none")

    def failed(tries):
        task = admin.tasks("rollback", run_id)[0]
        return (task["state"], task["try_number"]) == ("failed", tries)

    # a task that is cleared before its run has ended is forgotten by Airflow
    assert admin.ended("rollback", run_id) == "failed"
    assert failed(1)
    run = {"dag_id": "rollback", "run_id": run_id, "triggered_by": "admin"}
    assert run_people.find(running.settings, **run) == {"admin"}
    other.clear("rollback", run_id, "roll_back")
    admin.until(lambda: failed(2), seconds=300, what="a refusal")
    log = admin.call("GET", f"{task_path('rollback', run_id, 'roll_back')}/logs/2")
    assert "mlops cleared this run of admin" in str(log)
    assert run_people.find(running.settings, **run, clears=1) == {"admin", "mlops"}
    assert run_people.find(running.settings, **run, clears=2) == {"admin", "mlops", "unknown"}

    assets = admin.call("GET", "/assets?limit=100")["assets"]
    asset = next(one["id"] for one in assets if "labels" in one["name"])
    admin.call("POST", "/assets/events", {"asset_id": asset, "extra": {}})
    sent = AssetOrigin(dag_id=None, run_id=None, at=datetime.now(UTC))
    started_by_it = run | {"triggered_by": None}
    assert run_people.find(running.settings, **started_by_it) == {"mlops"}
    assert run_people.find(running.settings, **started_by_it, origins=[sent]) == {"admin", "mlops"}
    assert run_people.find(running.settings, **started_by_it | {"run_id": "not there"}) == {"unknown"}


def test_what_airflow_does_not_log_is_refused_and_a_run_keeps_its_tasks(running):
    admin, other = running.airflow("admin"), running.airflow("mlops")
    run_id = admin.trigger("rollback", to_version=99, reason="there is none")
    assert admin.ended("rollback", run_id) == "failed"
    path, silent = run_path("rollback", run_id), {"dag_run_id": run_id, "task_ids": ["roll_back"], "dry_run": "false"}
    deleted = {"actions": [{"action": "delete", "entities": [{"task_id": "roll_back", "map_index": -1}]}]}
    for method, address, body in (
        ("POST", "/dags/rollback/clearTaskInstances", silent),
        ("DELETE", task_path("rollback", run_id, "roll_back"), None),
        ("PATCH", f"{path}/taskInstances", deleted),
        ("PATCH", f"{path}?run_id=elsewhere", {"state": "queued"}),
    ):
        with pytest.raises(httpx.HTTPStatusError, match="403"):
            other.call(method, address, body)
    assert [task["try_number"] for task in admin.tasks("rollback", run_id)] == [1]
    run = {"dag_id": "rollback", "run_id": run_id, "triggered_by": "admin"}
    assert run_people.find(running.settings, **run) == {"admin"}
    other.call("PATCH", path, {"state": "queued"})
    assert run_people.find(running.settings, **run) == {"admin", "mlops"}


def test_the_started_stack_goes_by_the_policy_that_it_recorded(running):
    (recorded,) = running.rows("SELECT payload::jsonb -> 'approval' -> 'approvers' AS approvers FROM ledger "
                               "WHERE kind = 'policy'")  # fmt: skip
    assert recorded["approvers"] == ["admin", "mlops"]
    running.sign_in("platform")
    running.environment["SENTIMENT_POLICY__APPROVAL__APPROVERS"] = '["platform"]'
    try:
        for words in (("rollback", "1", "--reason", "it is mine"), ("approve", "1")):
            with pytest.raises(RuntimeError, match="the stack was started with another value"):
                running.sentiment(*words)
    finally:
        del running.environment["SENTIMENT_POLICY__APPROVAL__APPROVERS"]
    with pytest.raises(RuntimeError, match="only approvers"):
        running.sentiment("rollback", "1", "--reason", "it is mine")
