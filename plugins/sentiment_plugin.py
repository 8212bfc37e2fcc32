"""Registers the listener of runs and the console with Airflow."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin
from sentiment_airflow import console, listeners


class SentimentPlugin(AirflowPlugin):
    """Declaration only; the code is in sentiment_airflow/."""

    name = "sentiment"
    # Airflow reads class attributes
    listeners = [listeners]  # noqa: RUF012
    fastapi_apps = [console.APP]  # noqa: RUF012
    external_views = console.VIEWS
