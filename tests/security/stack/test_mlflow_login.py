"""MLflow of the running stack: who has no account does nothing, who reads writes nothing, the platform can."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from sentiment_lib.registry.mlflow_registry import Registry
from tests.security.stack.access_probe import fill

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
#: What plants files where the server can write, and what else is no read; the route of each is open to MLflow's READ.
NO_READS = {
    "experiment": ("POST", "experiments/create", {"name": "planted"}),
    "run": ("POST", "runs/create", {"experiment_id": "1"}),
    "upload": ("POST", "upload-artifact?run_uuid={run}&path=planted.py", {}),
    "model": ("POST", "registered-models/create", {"name": "planted"}),
    "logged model": ("POST", "logged-models", {"experiment_id": "1"}),
    "tag of a run": ("POST", "runs/set-tag", {"run_id": "{run}", "key": "a", "value": "b"}),
    "webhook": ("POST", "webhooks", {"name": "w", "url": "https://example.org", "events": []}),
    "password": ("PATCH", "users/update-password", {"username": "reader", "password": "another-password"}),
    "dataset": ("POST", "/ajax-api/3.0/mlflow/datasets/create", {"name": "d", "experiment_ids": ["1"]}),
    "trace": ("POST", "/api/3.0/mlflow/traces", {}),
    "OpenTelemetry": ("POST", "/v1/traces", {}),
    "job": ("POST", "/ajax-api/3.0/jobs/", {}),
    "gateway": ("POST", "/gateway/probe/mlflow/invocations", {}),
    "gateway proxy": ("GET", "gateway-proxy", {"gateway_path": "api"}),
    "assistant": ("GET", "/ajax-api/3.0/mlflow/assistant/config", {}),
    "MCP server": ("POST", "/ajax-api/3.0/mlflow/mcp-servers", {"name": "m"}),
    "mutation": ("POST", "/graphql", {"query": 'mutation {testMutation(inputString: "a") {output}}'}),
    "artefact": ("PUT", "/ajax-api/2.0/mlflow-artifacts/artifacts/1/planted.json", {}),
    "parts of an artefact": ("POST", "/api/2.0/mlflow-artifacts/mpu/create/1/x", {"path": "x", "num_parts": 1}),
}
#: What MLflow's pages and client ask for.
READS = {
    "page": ("GET", "/", {}),
    "experiments": ("GET", "experiments/search", {"max_results": 5}),
    "experiments of the page": ("POST", "/ajax-api/2.0/mlflow/experiments/search", {"max_results": 5}),
    "runs": ("POST", "/ajax-api/2.0/mlflow/runs/search", {"experiment_ids": ["1"]}),
    "logged models": ("POST", "/ajax-api/2.0/mlflow/logged-models/search", {"experiment_ids": ["1"]}),
    "models": ("GET", "registered-models/search", {}),
    "versions": ("GET", "model-versions/search", {}),
    "newest versions": ("POST", "registered-models/get-latest-versions", {"name": NAME}),
    "user": ("GET", "/ajax-api/2.0/mlflow/users/current", {}),
    "artefacts": ("GET", "/api/2.0/mlflow-artifacts/artifacts", {"path": "1"}),
    "query": ("POST", "/graphql", {"query": '{mlflowGetExperiment(input: {experimentId: "1"}) {experiment {name}}}'}),
    "file": ("GET", "/get-artifact", {"run_uuid": "{run}", "path": "{file}"}),
}
READ = ("GET", "registered-models/get", {"name": NAME})


def status(stack, call, account=None):
    """Status of MLflow's answer to this call of this account; None is nobody."""
    method, path, body = call
    arguments = {"params": body} if method == "GET" else {"json": body}
    url = stack.settings.mlflow_uri + (path if path.startswith("/") else f"/api/2.0/mlflow/{path}")
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


def test_a_reader_plants_nothing_and_reads_everything(running, tmp_path):
    reader, settings = running.mlflow_reader(), running.settings
    platform = (settings.mlflow_user, settings.mlflow_password.get_secret_value())
    with httpx.Client(base_url=f"{settings.mlflow_uri}/api/2.0/mlflow", auth=platform, timeout=60) as client:
        created = client.post("/runs/create", json={"experiment_id": "1"}).raise_for_status().json()
        run = created["run"]["info"]["run_id"]
        upload = f"{settings.mlflow_uri}/ajax-api/2.0/mlflow/upload-artifact"
        client.post(upload, params={"run_uuid": run, "path": "a.txt"}, content=b"a").raise_for_status()
        ids = {"run": run, "file": "a.txt"}
        writes = {name: status(running, fill(list(call), ids), reader) for name, call in NO_READS.items()}
        assert set(writes.values()) == {403}, writes
        reads = {name: status(running, fill(list(call), ids), reader) for name, call in READS.items()}
        assert set(reads.values()) == {200}, reads
        # not even the platform's account lets MLflow write elsewhere
        for key in ("artifact_location", "artifactLocation"):
            location = {"name": f"planted {key}", key: Path(tmp_path).as_uri()}
            assert client.post("/experiments/create", json=location).status_code == 400
            assert client.post("/experiments/create", json=json.dumps(location)).status_code == 400
        assert client.post("/runs/delete", json={"run_id": run}).status_code == 200
