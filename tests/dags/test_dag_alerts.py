"""An alert of a failed task stays open until a run goes by without that failure."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text

LATER = timedelta(minutes=10)


@pytest.fixture
def dag_alerts(store, monkeypatch):
    """The module on a test database; `open_keys` lists the open alerts."""
    from sentiment_airflow import dag_alerts

    @contextmanager
    def transaction():
        with store.begin() as connection:
            yield connection

    def open_keys():
        with store.begin() as connection:
            return list(connection.execute(text("SELECT dedup_key FROM alerts WHERE resolved_at IS NULL")).scalars())

    monkeypatch.setattr(dag_alerts, "transaction", transaction)
    return SimpleNamespace(module=dag_alerts, open_keys=open_keys)


def run_of(dag_id, *, started):
    return SimpleNamespace(dag_id=dag_id, run_id=f"scheduled__{started:%H%M}", start_date=started)


def instance(task_id, family=None):
    """A task instance; of a mapped task with the order that names its family."""
    arguments = ({"snapshot_id": 1, "family": family},) if family else ()
    return SimpleNamespace(task_id=task_id, task=SimpleNamespace(op_args=arguments))


def fail(dag_alerts, run, task_id, family=None):
    """What FailureNotice does when a task has failed for good."""
    title = f"{run.dag_id}.{task_id} failed"
    return dag_alerts.module.open_task_alert(run.dag_id, instance(task_id, family), run.run_id, title, "")


@pytest.mark.parametrize(
    ("dag_id", "task_id"),
    [("maintain", "auto_rollback"), ("ingest_tweets", "read_landing"), ("retrain", "fine_tuned.train")],
)
def test_a_run_in_success_does_not_take_back_the_failure_of_one_of_its_own_tasks(dag_alerts, dag_id, task_id):
    from sentiment_airflow import listeners

    run = run_of(dag_id, started=datetime.now(UTC) - timedelta(seconds=30))
    fail(dag_alerts, run, task_id)
    listeners.on_dag_run_success(run, "")
    assert dag_alerts.open_keys() == [f"dag_failure/{dag_id}/{task_id}"]

    listeners.on_dag_run_success(run_of(dag_id, started=datetime.now(UTC) + LATER), "")
    assert dag_alerts.open_keys() == []


def test_two_failed_tasks_are_two_alerts_and_a_run_whose_task_failed_opens_no_third(dag_alerts):
    from sentiment_airflow import listeners

    run = run_of("maintain", started=datetime.now(UTC) - timedelta(seconds=30))
    first = fail(dag_alerts, run, "auto_rollback")
    assert fail(dag_alerts, run, "check_champion") != first
    assert fail(dag_alerts, run, "auto_rollback") == first
    listeners.on_dag_run_failed(run, "tasks failed")
    assert sorted(dag_alerts.open_keys()) == [
        "dag_failure/maintain/auto_rollback",
        "dag_failure/maintain/check_champion",
    ]


def test_a_run_that_fails_without_a_failed_task_has_an_alert_until_the_next_success(dag_alerts):
    from sentiment_airflow import listeners

    run = run_of("retrain", started=datetime.now(UTC) - timedelta(seconds=30))
    listeners.on_dag_run_failed(run, "timed out")
    assert dag_alerts.open_keys() == ["dag_failure/retrain"]
    listeners.on_dag_run_success(run_of("retrain", started=datetime.now(UTC) + LATER), "")
    assert dag_alerts.open_keys() == []


def test_success_of_one_dag_resolves_nothing_of_another_whose_id_begins_alike(dag_alerts):
    from sentiment_airflow import listeners

    fail(dag_alerts, run_of("retrain_nightly", started=datetime.now(UTC)), "train")
    listeners.on_dag_run_success(run_of("retrain", started=datetime.now(UTC) + LATER), "")
    assert dag_alerts.open_keys() == ["dag_failure/retrain_nightly/train"]


def test_a_retrain_of_other_families_leaves_the_alert_of_the_family_that_failed(dag_alerts):
    from sentiment_airflow import listeners, notifiers

    fail(dag_alerts, run_of("retrain", started=datetime.now(UTC)), "classical.train", "tfidf_logreg")
    fail(dag_alerts, run_of("retrain", started=datetime.now(UTC)), "classical.train", "fasttext")
    listeners.on_dag_run_success(run_of("retrain", started=datetime.now(UTC) + LATER), "")
    context = {"dag": SimpleNamespace(dag_id="retrain"), "ti": instance("classical.train", "fasttext")}
    notifiers.FamilyRecovery().notify(context)
    assert dag_alerts.open_keys() == ["dag_failure/retrain/classical.train/tfidf_logreg"]
    context["ti"] = instance("classical.train", "tfidf_logreg")
    notifiers.FamilyRecovery().notify(context)
    assert dag_alerts.open_keys() == []
