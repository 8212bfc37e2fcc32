"""A client of Airflow's REST API with the platform's own account."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentiment_lib.airflow_client import AirflowClient


def connect() -> AirflowClient | None:
    """The client of SENTIMENT_AIRFLOW_USER; None when no such user is set."""
    from sentiment_lib.airflow_client import AirflowClient
    from sentiment_lib.settings import load_settings

    settings = load_settings()
    if not settings.airflow_user:
        return None
    return AirflowClient.of_platform(settings)
