"""Notices reach people, and a broken channel hurts nobody."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest


@pytest.fixture
def channel(monkeypatch):
    """A webhook on loopback; yields the messages it received."""
    messages = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("SENTIMENT_ALERT_URLS", f"json://127.0.0.1:{server.server_port}/hook")
    yield messages
    server.shutdown()
    server.server_close()


def test_a_failed_task_is_told_with_its_name_and_error(channel):
    from sentiment_airflow.notifiers import FailureNotice

    FailureNotice()(
        {
            "dag": _dag("retrain"),
            "ti": SimpleNamespace(task_id="promote", try_number=2),
            "run_id": "manual__1",
            "exception": ValueError("no such version"),
        }
    )
    assert channel[0]["title"] == "retrain.promote failed"
    assert "no such version" in channel[0]["message"]


def test_a_broken_channel_does_not_break_the_task(monkeypatch):
    from sentiment_airflow.notifiers import AlertDelivery

    monkeypatch.setenv("SENTIMENT_ALERT_URLS", "json://127.0.0.1:1/hook")
    AlertDelivery()({"dag": _dag("check_drift")})


def test_the_listener_logs_and_never_raises_when_the_database_is_away(monkeypatch, caplog):
    from sentiment_airflow import listeners

    monkeypatch.setenv("SENTIMENT_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=1")
    listeners.on_dag_run_failed(SimpleNamespace(dag_id="retrain", run_id="r1"), "timed out")
    listeners.on_dag_run_success(SimpleNamespace(dag_id="retrain", run_id="r1"), "")
    assert "could not be opened" in caplog.text


def _dag(dag_id):
    from airflow.sdk import DAG

    return DAG(dag_id, schedule=None)
