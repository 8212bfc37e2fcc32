"""MLflow of the running stack: who has no account does nothing, who reads cannot write, the platform can."""

from __future__ import annotations

import httpx
import pytest

from sentiment_lib.registry.mlflow_registry import Registry

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

NAME = "airline-sentiment"
#: What a backdoor needs: a version with a chosen training key, other tags on a version, the alias, a version less.
WRITES = {
    "create version": ("POST", "model-versions/create", {"name": NAME, "source": "file:///etc", "tags": []}),
    "tag version": ("POST", "model-versions/set-tag", {"name": NAME, "version": "1", "key": "digest", "value": "0"}),
    "move alias": ("POST", "registered-models/alias", {"name": NAME, "alias": "champion", "version": "1"}),
    "delete version": ("DELETE", "model-versions/delete", {"name": NAME, "version": "1"}),
    "rename model": ("POST", "registered-models/rename", {"name": NAME, "new_name": "other"}),
}
READ = ("GET", "registered-models/get", {"name": NAME})


def status(stack, call, account=None):
    """Status of MLflow's answer to this call of this account; None is nobody."""
    method, path, body = call
    arguments = {"params": body} if method == "GET" else {"json": body}
    url = f"{stack.settings.mlflow_uri}/api/2.0/mlflow/{path}"
    return httpx.request(method, url, auth=account, timeout=60, **arguments).status_code


def test_only_the_platforms_account_writes_the_registry(running):
    reader, settings = running.mlflow_reader(), running.settings
    nobody = {name: status(running, call) for name, call in {**WRITES, "read": READ}.items()}
    assert set(nobody.values()) == {401}, nobody
    wrong = {name: status(running, call, ("admin", "password1234")) for name, call in WRITES.items()}
    assert set(wrong.values()) == {401}, wrong
    assert status(running, READ, reader) == 200
    reads = {name: status(running, call, reader) for name, call in WRITES.items()}
    assert set(reads.values()) == {403}, reads
    artefact = f"{settings.mlflow_uri}/api/2.0/mlflow-artifacts/artifacts/0/planted.json"
    assert httpx.put(artefact, content=b"{}", timeout=60).status_code == 401
    assert httpx.put(artefact, content=b"{}", auth=reader, timeout=60).status_code == 403

    registry = Registry(settings)
    registry.set_alias("challenger", 1)
    registry.drop_alias("challenger")
    assert registry.alias("champion") == 1
