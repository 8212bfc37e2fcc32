"""Tries each cell of the embedded stack's table in docs/security.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy.engine import make_url

from tests.security.stack.access_probe import Prober
from tests.security.stack.access_table import Table

if TYPE_CHECKING:
    from benchmarks.stack_home import StackHome

#: FAB's own routes.
ELSEWHERE = ("manage Airflow's accounts",)


def walk(stack: StackHome, run_id: str) -> Table:
    """Outcome of each action as each account, while this run of `retrain` awaits its approval."""
    settings, (reader, reader_password) = stack.settings, stack.mlflow_reader()
    database = make_url(settings.database_url.get_secret_value())
    platform = (settings.mlflow_user, settings.mlflow_password.get_secret_value())
    model, experiments = settings.mlflow_model, f"{settings.mlflow_uri}/api/2.0/mlflow/experiments/get-by-name"
    experiment = httpx.get(experiments, params={"experiment_name": model}, auth=platform, timeout=60).json()
    predictor, owner = (stack.sentiment("keys", "create", f"probe-{n}", "--role", "predict").strip() for n in (1, 2))
    prediction = httpx.post(
        f"{settings.api_url}/v1/predict",
        json={"text": "my bag is lost"},
        headers={"Authorization": f"Bearer {owner}"},
        timeout=60,
    ).raise_for_status()
    specification: dict[str, Any] = {
        "urls": {"api": settings.api_url, "airflow": settings.airflow_url, "mlflow": settings.mlflow_uri},
        "database": {"host": database.host, "port": database.port},
        "without": ELSEWHERE,
        "ids": {
            "run": run_id,
            "prediction": prediction.json()["predictions"][0]["prediction_id"],
            "experiment": experiment["experiment"]["experiment_id"],
        },
    }
    passwords = stack.passwords()
    accounts = {
        "nobody": {"kind": "none"},
        "key predict": {"kind": "key", "user": "predict", "secret": predictor},
        **{
            f"{user} ({role})": {"kind": "airflow", "user": user, "secret": passwords[user]}
            for user, role in (("platform", "viewer"), ("mlops", "user"), ("sentiment", "op"), ("admin", "admin"))
        },
        "MLflow reader": {"kind": "mlflow", "user": reader, "secret": reader_password},
        "MLflow sentiment": {"kind": "mlflow", "user": platform[0], "secret": platform[1]},
        "database sentiment_app": {"kind": "database", "user": database.username, "secret": database.password},
    }
    return Prober(specification).walk(accounts)
