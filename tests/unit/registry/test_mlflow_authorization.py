"""Which requests to MLflow only read, and the login settings of both stacks."""

from __future__ import annotations

import configparser
import json
import re
from pathlib import Path

import flask
import pytest

from sentiment_lib.local import mlflow_server
from sentiment_lib.local.state_folder import Home, Ports
from sentiment_lib.registry.mlflow_authorization import inside_store, reads, writers

ROOT = Path(__file__).parents[3]


def graphql(query):
    with flask.Flask("mlflow").test_request_context("/graphql", method="POST", json={"query": query}):
        return reads("POST", "/graphql", "/graphql")


@pytest.mark.parametrize("prefix", ["/api/2.0/mlflow", "/ajax-api/2.0/mlflow", "/api/3.0/mlflow"])
def test_posts_read_only_where_the_list_says_so(prefix):
    def post(path):
        return reads("POST", prefix + path, prefix + path)

    assert all(post(f"/{kind}/search") for kind in ("experiments", "runs", "logged-models", "traces", "datasets"))
    writes = (
        "experiments/create",
        "runs/create",
        "upload-artifact",
        "logged-models",
        "webhooks",
        "traces",
        "x/runs/search",
    )
    assert not any(post(f"/{path}") for path in writes)
    assert not post("/runs/search/x")


def test_other_methods_and_routes_outside_flask():
    artefact = "/api/2.0/mlflow-artifacts/artifacts/1/x"
    assert reads("GET", artefact, None)
    assert reads("HEAD", artefact, artefact)
    assert not any(reads(method, artefact, artefact) for method in ("PUT", "PATCH", "DELETE", "POST"))
    search = "/api/2.0/mlflow/runs/search"
    assert not reads("POST", search, None), "the path alone does not say which route serves it"
    for path in ("/gateway/a/mlflow/invocations", "/ajax-api/3.0/mlflow/assistant/sessions/1/stream"):
        assert not reads("GET", path, None)
    proxy = "/ajax-api/2.0/mlflow/gateway-proxy"
    assert not reads("GET", f"/{proxy}", proxy)


def test_graphql_only_with_queries():
    assert graphql("{mlflowGetRun(input: {}) {run {info {runId}}}}")
    assert graphql("query A {a} fragment F on T {b}")
    assert not graphql("mutation {testMutation {output}}")
    assert not graphql("query A {a} mutation B {b}")
    assert not graphql("{")
    assert not graphql(None)


def test_files_stay_in_the_store():
    assert inside_store({"name": "a"})
    assert inside_store({"name": "a", "artifact_location": ""})
    assert all(inside_store({"source": source}) for source in ("models:/m-1", "runs:/1/m", "mlflow-artifacts:/1/m"))
    assert inside_store(None)
    for body in (
        {"artifact_location": "file:///tmp"},
        {"artifactLocation": "mlflow-artifacts:/1"},
        {"source": "file:///etc"},
        {"source": "/etc"},
        {"source": ["models:/m-1"]},
        [],
    ):
        assert not inside_store(body), body
        assert not inside_store(json.dumps(body)), body
    assert not inside_store("no JSON")


def test_both_stacks_ask_and_name_the_same_writers(tmp_path, monkeypatch):
    home = Home(tmp_path / "home")
    monkeypatch.setattr(mlflow_server.secrets, "database_url", lambda *_: "postgresql+psycopg2://a:p%40s@localhost/a")
    mlflow_server.write_configuration(home, Ports(), {})
    container = tmp_path / "container.ini"
    script = (ROOT / "docker/mlflow/entrypoint.sh").read_text()
    container.write_text(re.search(r"<<I\n(.*?)^I$", script, re.M | re.S)[1])
    for file, function in (
        (home.secrets / "mlflow-auth.ini", "sentiment_lib.registry.mlflow_authorization:authorize"),
        (container, "mlflow_authorization:authorize"),
    ):
        settings = configparser.ConfigParser(interpolation=None)
        settings.read(file)
        assert settings["mlflow"]["authorization_function"] == function
        monkeypatch.setenv("MLFLOW_AUTH_CONFIG_PATH", str(file))
        writers.cache_clear()
        assert writers() == {"admin", "sentiment"}
    writers.cache_clear()
    image = (ROOT / "docker/mlflow/Dockerfile").read_text()
    assert "COPY --chmod=0644 sentiment_lib/registry/mlflow_authorization.py /opt/authorization/" in image
    assert "PYTHONPATH=/opt/authorization" in image
