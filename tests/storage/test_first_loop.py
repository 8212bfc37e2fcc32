"""The first loop of a fresh stack: what `sentiment doctor` and `status` say of it until it has ended."""

from __future__ import annotations

import json
from dataclasses import asdict

import httpx
import pytest
import typer
from typer.testing import CliRunner

from benchmarks import small_models
from sentiment_lib.airflow_client import AirflowClient
from sentiment_lib.cli import stack as commands
from sentiment_lib.local import diagnostics, first_loop, sample_data, stack
from sentiment_lib.local.state_folder import Ports
from sentiment_lib.sources import living_sample


@pytest.fixture
def airflow(monkeypatch, tmp_path, database_url):
    """A stack that is up with the sample; states of the newest runs, by DAG, that its Airflow reports."""
    runs: dict[str, str] = {}

    def call(client, method, path, body=None, *, root="/api/v2"):
        dag = path.split("/")[2]
        return {"dag_runs": [{"state": runs[dag]}] if dag in runs else []}

    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path))
    monkeypatch.setenv("SENTIMENT_DATABASE_URL", database_url)
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "run").mkdir()
    (tmp_path / living_sample.PLAN).write_text('{"living": true, "start": "2026-01-01T00:00:00+00:00"}')
    monkeypatch.setattr(AirflowClient, "call", call)
    state = {"home": str(tmp_path), "up": True, "healthy": True, "supervisor": 1, "components": {}}
    monkeypatch.setattr(stack, "status", lambda: dict(state))
    return runs


def findings():
    return {diagnosis.check: diagnosis for diagnosis in diagnostics.run()}


def status():
    app = typer.Typer()
    commands.register(app)
    done = CliRunner().invoke(app, ["status"])
    assert done.exit_code == 0
    return done.stdout


def test_no_champion_is_waited_for_while_the_first_loop_runs_and_a_fault_when_it_failed(airflow, store):
    assert first_loop.state() == "running", "no run yet: about to begin"
    airflow |= {"score_tweets": "running", "retrain": "queued"}
    champion = findings()["champion"]
    assert champion.state == "waiting"
    assert "the first loop is still running, wait for it" in champion.remedy
    assert "the first loop is still running, wait for it" in status()
    airflow["score_tweets"] = "failed"
    champion = findings()["champion"]
    assert champion.state == "failed"
    assert "score_tweets" in champion.remedy
    assert "a run of the first loop failed" in status()


def test_the_first_loop_has_ended_with_a_champion_and_a_retrain(airflow, store, tmp_path):
    small_models.enter(store, 1, "vader", "0" * 64)
    small_models.deploy(store, 1, "bootstrap")
    airflow |= {"score_tweets": "success", "retrain": "running"}
    assert first_loop.state() == "running"
    airflow["retrain"] = "success"
    assert first_loop.state() == "finished"
    airflow["retrain"] = "failed"
    assert first_loop.state() == "finished", "a later failure is not the first loop's"
    assert "first loop" not in status()


def test_without_the_sample_nobody_waits_for_a_first_loop(airflow, store, tmp_path):
    (tmp_path / living_sample.PLAN).unlink()
    assert first_loop.state() is None
    champion = findings()["champion"]
    assert champion.state == "warning"
    assert "`sentiment bootstrap`" in champion.remedy


def test_an_api_without_a_champion_waits_as_well(airflow, store, monkeypatch):
    from sentiment_lib.records import NO_CHAMPION

    answer = json.dumps({"ready": False, "model_version": None, "warnings": [NO_CHAMPION], "spool_bytes": 0})
    monkeypatch.setattr(diagnostics.httpx, "get", lambda *_, **__: httpx.Response(503, text=answer))
    assert findings()["API"].state == "waiting"
    airflow |= dict.fromkeys(sample_data.FIRST_DAGS, "failed")
    assert findings()["API"].state == "failed"
    monkeypatch.setattr(diagnostics.httpx, "get", lambda *_, **__: httpx.Response(503, text="the spool is full"))
    assert "503" in findings()["API"].finding


def test_the_api_is_asked_at_the_port_of_this_stack(airflow, store, monkeypatch, tmp_path):
    asked = []

    def get(address, **_):
        asked.append(address)
        return httpx.Response(200)

    monkeypatch.setattr(diagnostics.httpx, "get", get)
    (tmp_path / "run" / stack.PORTS_FILE).write_text(json.dumps(asdict(Ports(api=18001))))
    assert findings()["API"].finding == "ready at http://127.0.0.1:18001"
    monkeypatch.setattr(stack, "status", lambda: {"home": "", "up": False, "supervisor": None, "components": {}})
    monkeypatch.setenv("SENTIMENT_PORT_API", "18002")
    findings()
    monkeypatch.setenv("SENTIMENT_API_URL", "http://elsewhere:80")
    findings()
    assert [address.removesuffix("/readyz") for address in asked] == [
        "http://127.0.0.1:18001",
        "http://127.0.0.1:18002",
        "http://elsewhere:80",
    ]


def test_components_that_start_are_waited_for(airflow, store, monkeypatch):
    parts = {
        "api": {"state": "starting", "restarts": 0, "problem": ""},
        "mlflow": {"state": "failed", "restarts": 3, "problem": ""},
    }
    state = {"home": "", "up": False, "healthy": False, "supervisor": 1, "components": parts}
    monkeypatch.setattr(stack, "status", lambda: dict(state))
    found = findings()
    assert found["api"].state == "waiting"
    assert "the stack is starting" in found["api"].remedy
    assert found["mlflow"].state == "failed"
