"""MLflow's client: account, switches and time limits, which it reads from the environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr

from sentiment_lib.errors import RegistryUnavailable

#: MLflow's variable for the seconds that a request may take, and its value for requests about aliases.
TIMEOUT, ALIAS_SECONDS = "MLFLOW_HTTP_REQUEST_TIMEOUT", "5"


def set_variables(user: str, password: SecretStr, *, seconds: int) -> None:
    """Set account, time limit and switches in the environment of this process, before MLflow is imported."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    # MLflow's own defaults wait for minutes
    os.environ.setdefault(TIMEOUT, str(seconds))
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    if user:
        os.environ["MLFLOW_TRACKING_USERNAME"] = user
        os.environ["MLFLOW_TRACKING_PASSWORD"] = password.get_secret_value()


@contextmanager
def quick_requests(client: Any, uri: str) -> Iterator[Any]:
    """The client, with ALIAS_SECONDS for each request. Raises RegistryUnavailable when MLflow does not respond."""
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    usual = os.environ[TIMEOUT]
    os.environ[TIMEOUT] = ALIAS_SECONDS
    try:
        yield client
    except MlflowException as error:
        if isinstance(error.__cause__ or error.__context__, RequestException):
            raise RegistryUnavailable(uri=uri, problem=str(error).splitlines()[0][:300]) from error
        raise
    finally:
        os.environ[TIMEOUT] = usual
