"""Whoever pauses a DAG does not silence the platform: the pause is an alert, and so is the silence of `maintain`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from sentiment_lib.airflow_client import AirflowClient
from sentiment_lib.steps.operations import check_alerts, paused_dags
from sentiment_lib.storage import alerts, heartbeats, ledger, verified_points


@pytest.fixture
def airflow(monkeypatch):
    """What Airflow says: ids of the DAGs that are paused, and rows of its audit log, newest first."""
    said = {"paused": [], "log": []}

    def call(_, method, path, body=None, **__):
        assert (method, body) == ("GET", None)
        if path.startswith("/dags?tags=sentiment&paused=true"):
            return {"dags": [{"dag_id": name} for name in said["paused"]]}
        assert path.startswith("/eventLogs?included_events=patch_dag&included_events=patch_dags")
        return {"event_logs": said["log"]}

    monkeypatch.setattr(AirflowClient, "call", call)
    return said


def event(dag_id, owner, *, is_paused=True, name="patch_dag"):
    return {"event": name, "dag_id": dag_id, "owner": owner, "extra": json.dumps({"is_paused": is_paused})}


def opened(store, kind, state="unresolved"):
    with store.begin() as connection:
        return {one.title: one for one in alerts.list_alerts(connection, state=state) if one.kind == kind}


def test_a_paused_dag_is_an_alert_with_who_did_it_until_it_runs_again(store, settings, airflow):
    watched = settings.model_copy(update={"airflow_user": "sentiment"})
    assert paused_dags.run(store, watched) == ()
    airflow |= {
        "paused": ["backup", "retrain"],
        "log": [
            event("backup", "ann", is_paused=False),
            event("backup", "operator"),
            event("retrain", "ann"),
            event("backup", "ann"),
        ],
    }
    for _ in range(2):
        assert paused_dags.run(store, watched) == ("backup", "retrain")
    found = opened(store, paused_dags.KIND)
    assert set(found) == {"The DAG backup is paused", "The DAG retrain is paused"}
    assert found["The DAG backup is paused"].body.endswith("operator.")
    airflow["paused"] = ["retrain"]
    paused_dags.run(store, watched)
    assert set(opened(store, paused_dags.KIND)) == {"The DAG retrain is paused"}


def test_all_dags_paused_at_once_name_who_did_it_and_a_log_that_says_nothing_names_nobody(store, settings, airflow):
    watched = settings.model_copy(update={"airflow_user": "sentiment"})
    airflow |= {"paused": ["backup"], "log": [event(None, "operator", name="patch_dags"), event("backup", "ann")]}
    paused_dags.run(store, watched)
    airflow["log"] = []
    assert opened(store, paused_dags.KIND)["The DAG backup is paused"].body.endswith("operator.")
    paused_dags.run(store, watched)
    assert opened(store, paused_dags.KIND)["The DAG backup is paused"].body.endswith("unknown.")


def test_a_paused_maintain_is_noticed_by_the_alert_process(store, settings, airflow):
    later = datetime.now(UTC) + settings.policy.alerts.maintain_after + timedelta(minutes=1)
    check_alerts.run(store, settings, at=later)
    assert opened(store, "maintain_silent") == {}, "it has never run: the stack is being started"
    paused_dags.run(store, settings)
    check_alerts.run(store, settings)
    assert opened(store, "maintain_silent") == {}
    check_alerts.run(store, settings, at=later)
    (alert,) = opened(store, "maintain_silent").values()
    with store.begin() as connection:
        last = heartbeats.last(connection, heartbeats.MAINTAIN)
    assert (alert.severity, f"since {last:%Y-%m-%d %H:%M}" in alert.title) == ("critical", True)
    paused_dags.run(store, settings)
    check_alerts.run(store, settings)
    assert opened(store, "maintain_silent") == {}


def test_nights_that_verify_nothing_open_an_alert_until_everything_is_verified(store, settings):
    with store.begin() as connection:
        began = ledger.append(connection, "note", {"a": 1}).recorded_at
    check_alerts.run(store, settings, at=began + verified_points.OVERDUE)
    assert opened(store, "verification_overdue") == {}
    later = began + verified_points.OVERDUE + timedelta(minutes=1)
    check_alerts.run(store, settings, at=later)
    (alert,) = opened(store, "verification_overdue").values()
    assert alert.title.startswith("Not everything was verified since")
    forged = (
        "INSERT INTO ledger (sequence, kind, payload, previous_hash, entry_hash, recorded_at, "
        "signature) SELECT sequence + 1, 'verified', :payload, entry_hash, 'x', recorded_at, 'x:AAAA' FROM ledger "
        "ORDER BY sequence DESC LIMIT 1"
    )
    with store.begin() as connection:
        ledger.append(connection, verified_points.KIND, {"whole_at": later.isoformat()})
        connection.execute(text(forged), {"payload": json.dumps({"whole_at": "2100-01-01T00:00:00+00:00"})})
        assert verified_points.last_whole(connection) == later, "nobody signed the newest"
    check_alerts.run(store, settings, at=later + settings.policy.alerts.settle + timedelta(minutes=1))
    assert opened(store, "verification_overdue") == {}
