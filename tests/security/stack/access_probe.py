"""Tries each action as each account against running servers, and prints what was allowed. No cell has an effect.

Run where the servers can be reached, with a JSON specification on standard input: addresses, accounts and ids. It needs
httpx and psycopg, and nothing of the project, so that it can run inside a container.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import httpx
import psycopg

#: Statuses of a refusal: no login, not allowed, another key's prediction, redirect to the sign-in page, throttled.
REFUSED = {401, 403, 429}
MODEL = "airline-sentiment"
RUN = "/api/v2/dags/retrain/dagRuns"
MLFLOW = "/api/2.0/mlflow"

#: Action: component, method, path, JSON body, statuses that an allowed attempt gets. Where an attempt would change
#: something, it names what does not exist, or is invalid: permission is checked first.
HTTP: dict[str, tuple[str, str, str, Any, set[int]]] = {
    "predict": ("api", "POST", "/v1/predict", {"text": "my bag is lost"}, {200}),
    "explain": ("api", "POST", "/v1/predict", {"text": "my bag is lost", "explain": True}, {200}),
    "read a prediction of another key": ("api", "GET", "/v1/predictions/{prediction}", None, {200}),
    "give feedback": ("api", "POST", "/v1/feedback", {"prediction_id": "1-1"}, {422}),
    "ask to forget a tweet": ("api", "POST", "/v1/erasure", {}, {422}),
    "label on the Label page": ("api", "GET", "/label", None, {200}),
    "read the API's metrics": ("api", "GET", "/metrics", None, {200}),
    "read the console": ("airflow", "GET", "/sentiment/", None, {200}),
    "respond to an alert in the console": ("airflow", "POST", "/sentiment/alerts/999999999", None, {422}),
    "read runs": ("airflow", "GET", f"{RUN}?limit=1", None, {200}),
    "read XCom": ("airflow", "GET", RUN + "/{run}/taskInstances/snapshot/xcomEntries", None, {200}),
    "read DAG source code": ("airflow", "GET", "/api/v2/dagSources/retrain", None, {200, 406}),
    "trigger a run": ("airflow", "POST", RUN, {"logical_date": None, "dag_run_id": "{run}"}, {409}),
    "set the state of a run": ("airflow", "PATCH", f"{RUN}/none", {"state": "failed"}, {404}),
    "delete a run": ("airflow", "DELETE", f"{RUN}/none", None, {404}),
    "clear a task": (
        *("airflow", "POST", "/api/v2/dags/retrain/clearTaskInstances"),
        {"dry_run": True, "dag_run_id": "{run}", "task_ids": ["snapshot"]},
        {200},
    ),
    "set the state of a task": (
        *("airflow", "PATCH", RUN + "/{run}/taskInstances/approval/dry_run"),
        {"new_state": "success"},
        {200},
    ),
    "write XCom": (
        *("airflow", "POST", RUN + "/{run}/taskInstances/none/xcomEntries"),
        {"key": "return_value", "value": 1, "map_index": -1},
        {404},
    ),
    "answer an approval in Airflow": (
        *("airflow", "PATCH", RUN + "/{run}/taskInstances/approval/-1/hitlDetails"),
        {"chosen_options": ["Perhaps"], "params_input": {}},
        {400},
    ),
    "pause a DAG": ("airflow", "PATCH", "/api/v2/dags/check_drift", {"is_paused": False}, {200}),
    "send an asset event": ("airflow", "POST", "/api/v2/assets/events", {"asset_id": 999999}, {404}),
    "read connections": ("airflow", "GET", "/api/v2/connections", None, {200}),
    "delete a variable": ("airflow", "DELETE", "/api/v2/variables/none", None, {404}),
    "read Airflow's audit log": ("airflow", "GET", "/api/v2/eventLogs?limit=1", None, {200}),
    "manage Airflow's accounts": ("airflow", "GET", "/auth/fab/v1/users", None, {200}),
    "read the registered model": ("mlflow", "GET", f"{MLFLOW}/registered-models/get?name={MODEL}", None, {200}),
    "download a package": ("mlflow", "GET", "/api/2.0/mlflow-artifacts/artifacts?path={experiment}", None, {200}),
    "register a version": (
        *("mlflow", "POST", f"{MLFLOW}/model-versions/create"),
        {"name": MODEL, "source": "file:///etc"},
        {400},
    ),
    "tag a version": (
        *("mlflow", "POST", f"{MLFLOW}/model-versions/set-tag"),
        {"name": MODEL, "version": "999999", "key": "digest", "value": "0"},
        {404},
    ),
    "move an alias": (
        *("mlflow", "POST", f"{MLFLOW}/registered-models/alias"),
        {"name": MODEL, "alias": "champion", "version": "999999"},
        {404},
    ),
    "delete a version": (
        *("mlflow", "DELETE", f"{MLFLOW}/model-versions/delete"),
        {"name": MODEL, "version": "999999"},
        {404},
    ),
    "replace a package's files": (
        *("mlflow", "PUT", "/api/2.0/mlflow-artifacts/artifacts/{experiment}/probe/artifacts/probe.json"),
        {},
        {200},
    ),
    "create a model of another name": ("mlflow", "POST", f"{MLFLOW}/registered-models/create", {"name": ""}, {400}),
    "create accounts in MLflow": (
        *("mlflow", "POST", f"{MLFLOW}/users/create"),
        {"username": "probe", "password": ""},
        {400},
    ),
}
#: Action: database and statement. It is rolled back, or lacks values, which is found after the permission is checked.
SQL: dict[str, tuple[str, str]] = {
    "read the ledger": ("sentiment", "SELECT payload FROM ledger LIMIT 1"),
    "read the hashes of API keys": ("sentiment", "SELECT * FROM api_keys LIMIT 1"),
    "read the hashes of person tokens": ("sentiment", "SELECT * FROM person_tokens LIMIT 1"),
    "store predictions": ("sentiment", "INSERT INTO predictions DEFAULT VALUES"),
    "change alerts": ("sentiment", "UPDATE alerts SET title = title WHERE false"),
    "append to the ledger": ("sentiment", "INSERT INTO ledger DEFAULT VALUES"),
    "change rows of the ledger": ("sentiment", "UPDATE ledger SET payload = payload"),
    "switch off the ledger's triggers": ("sentiment", "ALTER TABLE ledger DISABLE TRIGGER USER"),
    "create tables": ("sentiment", "CREATE TABLE probe (x int)"),
    "read Airflow's database": ("airflow", "SELECT * FROM ab_user LIMIT 1"),
    "read MLflow's accounts": ("mlflow_auth", "SELECT * FROM users LIMIT 1"),
}


def fill(value: Any, ids: dict[str, str]) -> Any:
    """The value with {name} replaced in every string."""
    if isinstance(value, dict):
        return {key: fill(inner, ids) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, ids) for inner in value]
    if isinstance(value, str):
        for name, content in ids.items():
            value = value.replace("{" + name + "}", content)
    return value


class Prober:
    """One specification: addresses by component, accounts by name, ids of existing things."""

    def __init__(self, specification: dict[str, Any]) -> None:
        self.urls: dict[str, str] = specification["urls"]
        self.database: dict[str, Any] = specification["database"]
        self.ids: dict[str, str] = specification["ids"]
        self.actions = [action for action in (*HTTP, *SQL) if action not in specification.get("without", ())]
        # a new connection for each request: servers close idle ones, perhaps just when the next request is sent
        self.http = httpx.Client(timeout=60, limits=httpx.Limits(max_keepalive_connections=0))

    def login(self, account: dict[str, str]) -> dict[str, str]:
        """The account with what it presents as a bearer: Airflow's token, an API key, or its password."""
        bearer = account.get("secret", "")
        if account["kind"] == "airflow":
            body = {"username": account["user"], "password": account["secret"]}
            response = self.http.post(f"{self.urls['airflow']}/auth/token", json=body).raise_for_status()
            bearer = response.json()["access_token"]
        return {**account, "bearer": bearer}

    def try_http(self, action: str, account: dict[str, str]) -> str:
        """yes, no, or the unexpected status."""
        component, method, path, body, allowed = HTTP[action]
        headers, auth = {"Sec-Fetch-Site": "same-origin"}, None
        if account["kind"] != "none" and component == "mlflow":
            auth = (account["user"], account["secret"])
        elif account["kind"] != "none":
            headers["Authorization"] = f"Bearer {account['bearer']}"
        url = self.urls[component] + fill(path, self.ids)
        arguments = {} if body is None else {"json": fill(body, self.ids)}
        response = self.http.request(method, url, headers=headers, auth=auth, **arguments)
        if response.status_code in allowed and "/login" not in response.headers.get("location", ""):
            return "yes"
        refused = REFUSED | ({404} if "of another key" in action else set()) | ({303} if component == "api" else set())
        return "no" if response.status_code in refused else f"{response.status_code} {response.text[:200]}"

    def try_sql(self, action: str, account: dict[str, str]) -> str:
        """yes, no, or the unexpected error."""
        database, statement = SQL[action]
        user, password = account.get("user") or "postgres", account.get("secret", "")
        try:
            with psycopg.connect(**self.database, dbname=database, user=user, password=password) as connection:
                connection.execute(statement)
                connection.rollback()
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.RaiseException):
            return "no"
        except (psycopg.errors.NotNullViolation, psycopg.errors.CheckViolation):
            return "yes"  # the role may insert; the row is refused for what it lacks
        except psycopg.OperationalError as error:
            reasons = ("authentication failed", "no password supplied", "permission denied for database")
            return "no" if any(reason in str(error) for reason in reasons) else str(error)
        return "yes"

    def walk(self, accounts: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        """Outcome by action and account."""
        ready = {name: self.login(account) for name, account in accounts.items()}
        return {
            action: {
                name: self.try_sql(action, account) if action in SQL else self.try_http(action, account)
                for name, account in ready.items()
            }
            for action in self.actions
        }


if __name__ == "__main__":
    document = json.load(sys.stdin)
    json.dump(Prober(document).walk(document["accounts"]), sys.stdout)
