"""Rows of Airflow's own database that are past their retention go, by Airflow's command in a process of its own."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from sentiment_lib.policy import ApprovalPolicy, Policy

NOW = datetime.now(UTC)


@pytest.fixture
def database(airflow, bag, monkeypatch):
    """Airflow's database with a line of its audit log from each of two days, in the environment of a task.

    bag: Airflow is imported before its database is hidden, as in a task.
    """
    address = airflow["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    with sqlite3.connect(address.removeprefix("sqlite:///")) as connection:
        for days in (89, 91):
            connection.execute("INSERT INTO log (dttm, event) VALUES (?, ?)", (NOW - timedelta(days=days), f"{days}"))
    monkeypatch.setenv("AIRFLOW_HOME", airflow["AIRFLOW_HOME"])
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "airflow-db-not-allowed:///")
    monkeypatch.setenv("SENTIMENT_HOME", airflow["SENTIMENT_HOME"])
    monkeypatch.setenv("SENTIMENT_AIRFLOW_DATABASE_URL", address)
    return connection


def test_old_rows_go_and_others_stay(database):
    from sentiment_airflow import airflow_database

    assert airflow_database.clean(NOW) == {"log": 1}
    assert database.execute("SELECT event FROM log WHERE event IN ('89', '91')").fetchall() == [("89",)]


def test_a_command_that_fails_fails_the_task(database, monkeypatch):
    from sentiment_airflow import airflow_database

    monkeypatch.setenv("SENTIMENT_AIRFLOW_DATABASE_URL", "sqlite:////nowhere/airflow.db")
    with pytest.raises(RuntimeError, match="unable to open database file"):
        airflow_database.clean(NOW)


def test_without_an_address_the_task_is_skipped(database, monkeypatch):
    from airflow.sdk.exceptions import AirflowSkipException
    from sentiment_airflow import airflow_database

    monkeypatch.setenv("SENTIMENT_AIRFLOW_DATABASE_URL", "")
    with pytest.raises(AirflowSkipException, match="nothing of Airflow's is removed"):
        airflow_database.clean(NOW)


def test_no_question_may_wait_as_long_as_its_run_is_kept():
    with pytest.raises(ValueError, match="questions go with runs"):
        Policy(approval=ApprovalPolicy(expires_after=timedelta(days=30)))
