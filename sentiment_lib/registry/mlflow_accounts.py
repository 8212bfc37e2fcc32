"""Accounts of an MLflow server with `basic-auth`: the platform writes the registered model, everyone else reads.

Uses the REST API, so that nothing here imports MLflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

#: Name and password.
Account = tuple[str, str]
#: Timeout in seconds; password hashing makes the first logins slow on a busy machine.
PATIENCE = 60.0
#: Description of the registered model.
DESCRIPTION = "Sentiment of tweets about airlines"


def create(uri: str, *, administrator: Account, platform: Account, readers: Mapping[str, str], model: str) -> None:
    """Create the accounts that are missing; the platform's creates experiment and registered model, so it owns them.

    `readers` maps account names to passwords. The platform gets MANAGE permission on both. Idempotent.
    Raises httpx.HTTPStatusError when MLflow refuses, httpx.TransportError when it does not answer.
    """
    with (
        httpx.Client(base_url=uri, auth=administrator, timeout=PATIENCE) as admin,
        httpx.Client(base_url=uri, auth=platform, timeout=PATIENCE) as writer,
    ):
        for name, password in {platform[0]: platform[1], **readers}.items():
            if _get(admin, "/api/2.0/mlflow/users/get", username=name) is None:
                _post(admin, "/api/2.0/mlflow/users/create", username=name, password=password)
        experiment = _experiment(writer, model)
        if _get(writer, "/api/2.0/mlflow/registered-models/get", name=model) is None:
            _post(writer, "/api/2.0/mlflow/registered-models/create", name=model, description=DESCRIPTION)
        for kind, key in (("experiment", experiment), ("registered_model", model)):
            resource = {"username": platform[0], "resource_type": kind, "resource_id": key}
            permission = _get(admin, "/api/3.0/mlflow/users/permissions/get", **resource) or {}
            if permission.get("permission") != "MANAGE":
                _post(admin, "/api/3.0/mlflow/users/permissions/grant", **resource, permission="MANAGE")


def _experiment(client: httpx.Client, name: str) -> str:
    existing = _get(client, "/api/2.0/mlflow/experiments/get-by-name", experiment_name=name)
    if existing is None:
        return str(_post(client, "/api/2.0/mlflow/experiments/create", name=name)["experiment_id"])
    return str(existing["experiment"]["experiment_id"])


def _get(client: httpx.Client, path: str, **query: str) -> Any:
    """The JSON response; None for status 404."""
    response = client.get(path, params=query)
    if response.status_code == httpx.codes.NOT_FOUND:
        return None
    return response.raise_for_status().json()


def _post(client: httpx.Client, path: str, **body: str) -> Any:
    return client.post(path, json=body).raise_for_status().json()
