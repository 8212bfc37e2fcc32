"""What Airflow is told about: the listener of failed runs, and the console's pages."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin
from sentiment_airflow import console, listeners


class SentimentPlugin(AirflowPlugin):
    """The declaration only; the code is in sentiment_airflow/."""

    name = "sentiment"
    # the attributes' form is Airflow's
    listeners = [listeners]  # noqa: RUF012
    fastapi_apps = [console.APP]  # noqa: RUF012
    external_views = console.VIEWS
