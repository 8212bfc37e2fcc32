"""Registers the listener of runs, the console and the guard of its API with Airflow."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin
from sentiment_airflow import console, listeners
from sentiment_airflow.request_guard import RequestGuard


class SentimentPlugin(AirflowPlugin):
    """Declaration only; the code is in sentiment_airflow/."""

    name = "sentiment"
    # Airflow reads class attributes
    listeners = [listeners]  # noqa: RUF012
    fastapi_apps = [console.APP]  # noqa: RUF012
    fastapi_root_middlewares = [  # noqa: RUF012
        {"middleware": RequestGuard, "args": [], "kwargs": {}, "name": "requests that the audit log would miss"}
    ]
    external_views = console.VIEWS
