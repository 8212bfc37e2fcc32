"""An operator who pauses the platform's DAGs, and rolls back, in the real Airflow."""

from __future__ import annotations

import pytest

from sentiment_lib.steps.deployment import run_author
from sentiment_lib.steps.operations import paused_dags
from sentiment_lib.storage.engine import Store

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]
ALERTS = "SELECT severity, title, body FROM alerts WHERE kind = :kind AND resolved_at IS NULL"


def test_an_operator_who_pauses_dags_is_named_and_silences_nobody(running):
    operator = running.airflow("mlops")
    operator.until(lambda: running.rows("SELECT FROM heartbeats"), seconds=300, what="a run of maintain")
    for dag_id in ("check_drift", "maintain"):
        operator.call("PATCH", f"/dags/{dag_id}", {"is_paused": True})
    try:
        store = Store.open(running.settings)
        assert set(paused_dags.run(store, running.settings)) == {"check_drift", "maintain"}
        store.close()
        said = {row["title"]: row["body"] for row in running.rows(ALERTS, kind=paused_dags.KIND)}
        assert said["The DAG maintain is paused"].endswith("mlops.")
        running.rows_as_owner("UPDATE heartbeats SET beat_at = now() - interval '2 hours' RETURNING name")
        operator.until(
            lambda: running.rows(ALERTS, kind="maintain_silent"), seconds=120, what="an alert of the alert process"
        )
    finally:
        for dag_id in ("check_drift", "maintain"):
            operator.call("PATCH", f"/dags/{dag_id}", {"is_paused": False})


def test_a_run_of_who_is_no_approver_rolls_nothing_back_and_is_loud(running):
    account = running.settings.airflow_user
    run_id = running.airflow(account).trigger("rollback", to_version=1, reason="because I may")
    admin = running.airflow("admin")
    admin.until(
        lambda: admin.tasks("rollback", run_id)[0]["state"] == "failed", seconds=300, what="a refusal of the run"
    )
    alerts = running.rows(ALERTS, kind=run_author.ALERT)
    assert [alert["severity"] for alert in alerts if f"by {account}" in alert["title"]] == ["critical"]
    refused = running.rows("SELECT payload::jsonb ->> 'person' AS person FROM ledger WHERE kind = 'command_refused'")
    assert {"person": account} in refused
