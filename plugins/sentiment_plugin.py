"""What Airflow is told about: the listener of failed runs. Pages are added here when they exist."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin
from sentiment_airflow import listeners


class SentimentPlugin(AirflowPlugin):
    """The declaration only; the code is in sentiment_airflow/."""

    name = "sentiment"
    listeners = [listeners]  # noqa: RUF012 - the attribute's form is Airflow's
