"""Accounts and attacks in the container stack: each cell of the table in docs/security.md, and forged approvals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from sentiment_lib.airflow_client import task_path
from tests.security.stack.access_table import differences, read_table, render

if TYPE_CHECKING:
    from benchmarks.airflow_rest import Airflow
    from tests.stack.compose_loop import Containers

PROBE = Path(__file__).with_name("access_probe.py").read_text()
URLS = {"api": "http://api:8000", "airflow": "http://airflow:8080", "mlflow": "http://mlflow:5000"}
KEY_ROLES = ("predict", "feedback", "label", "privacy", "admin")
#: Makes a prediction with the key on standard input, prints its id.
PREDICT = """
import sys, httpx
answer = httpx.post("http://api:8000/v1/predict", json={"text": "my bag is lost"},
                    headers={"Authorization": f"Bearer {sys.stdin.read()}"}, timeout=60).raise_for_status().json()
print(answer["predictions"][0]["prediction_id"])
"""
#: Prints the id of the platform's experiment.
EXPERIMENT = """
import os, httpx
account = os.environ["SENTIMENT_MLFLOW_USER"], os.environ["SENTIMENT_MLFLOW_PASSWORD"]
answer = httpx.get("http://mlflow:5000/api/2.0/mlflow/experiments/get-by-name", auth=account, timeout=60,
                   params={"experiment_name": "airline-sentiment"}).raise_for_status().json()
print(answer["experiment"]["experiment_id"])
"""


def accounts(containers: Containers, secrets: dict[str, str]) -> dict[str, dict[str, str]]:
    """Each account of the table with its credentials; the API keys are created here."""

    def named(kind: str, user: str, variable: str) -> dict[str, str]:
        return {"kind": kind, "user": user, "secret": secrets[variable]}

    keys = {
        f"key {role}": {"kind": "key", "user": role, "secret": create_key(containers, f"probe-{role}", role)}
        for role in KEY_ROLES
    }
    return {
        "nobody": {"kind": "none"},
        **keys,
        "Viewer": named("airflow", "platform", "PLATFORM_PASSWORD"),
        "Approver": named("airflow", "mlops", "MLOPS_PASSWORD"),
        "Operator": named("airflow", "operator", "OPERATOR_PASSWORD"),
        "Admin": named("airflow", "admin", "ADMIN_PASSWORD"),
        "Platform": named("airflow", "sentiment", "SENTIMENT_PASSWORD"),
        "MLflow reader": named("mlflow", "reader", "MLFLOW_READER_PASSWORD"),
        "MLflow sentiment": named("mlflow", "sentiment", "MLFLOW_PLATFORM_PASSWORD"),
        "MLflow admin": named("mlflow", "admin", "MLFLOW_ADMIN_PASSWORD"),
        **{
            f"database {role}": named("database", role, f"{role.upper()}_DATABASE_PASSWORD")
            for role in ("sentiment", "sentiment_app", "sentiment_api", "sentiment_console", "airflow", "mlflow_auth")
        },
    }


def create_key(containers: Containers, name: str, role: str) -> str:
    """A new API key."""
    return containers.inside("worker", "sentiment", "keys", "create", name, "--role", role)


def walk(containers: Containers, secrets: dict[str, str], run_id: str) -> int:
    """Try every cell while this run awaits its approval; returns the number of cells, raises on a difference."""
    owner = create_key(containers, "probe-owner", "predict")
    specification = {
        "urls": URLS,
        "database": {"host": "postgres", "port": 5432},
        "accounts": accounts(containers, secrets),
        "ids": {
            "run": run_id,
            "prediction": containers.inside("api", "python", "-c", PREDICT, stdin=owner),
            "experiment": containers.inside("worker", "python", "-c", EXPERIMENT).splitlines()[-1],
        },
    }
    found = json.loads(containers.inside("worker", "python", "-c", PROBE, stdin=json.dumps(specification)))
    problems = differences(read_table("Container stack"), found)
    assert not problems, "\n".join([*problems, render(found)])
    return sum(len(cells) for cells in found.values())


def forge(person: Airflow, run_id: str) -> list[int]:
    """Try, as a person who may answer, to approve in another's name; the statuses of the refusals."""
    task = task_path("retrain", run_id, "approval")
    answer = {"chosen_options": ["Promote"], "params_input": {}, "responded_by_user": {"id": "1", "name": "admin"}}
    # of another run: Airflow logs refused attempts as it logs others, and who clears a run may not approve it
    clear = {"dag_run_id": "none", "task_ids": ["approval"], "dry_run": False}
    attempts = (
        ("POST", f"{task}/xcomEntries", {"key": "return_value", "value": answer, "map_index": -1}),
        ("PATCH", task, {"new_state": "success"}),
        ("POST", "/dags/retrain/clearTaskInstances", clear),
        ("POST", "/dags/retrain/dagRuns", {"logical_date": None}),
    )
    statuses = []
    for method, path, body in attempts:
        try:
            person.call(method, path, body)
            statuses.append(200)
        except httpx.HTTPStatusError as error:
            statuses.append(error.response.status_code)
    return statuses
