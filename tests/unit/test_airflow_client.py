"""The client of Airflow's REST API logs in, renews its token once, and waits only when it was told to."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from sentiment_lib.airflow_client import AirflowClient, task_path
from sentiment_lib.settings import Settings
from sentiment_lib.steps.operations import start_dag


@pytest.fixture
def airflow():
    """A server on loopback: `statuses` are the next answers, `requests` what came in."""

    class Airflow(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/auth/token":
                server.logins.append(body)
                return self.reply(201, {"access_token": f"token-{len(server.logins)}"})
            return self.do_GET()

        def do_GET(self):
            server.requests.append((self.command, self.path, self.headers["Authorization"]))
            body = {"username": "mlops"} if self.path == "/ui/auth/me" else {"state": "success"}
            if self.path.startswith("/api/v2/eventLogs"):  # pages of two, whatever was asked for
                start = int(self.path.rpartition("offset=")[2])
                body = {"event_logs": list(range(5))[start : start + 2], "total_entries": 5}
            self.reply(server.statuses.pop(0) if server.statuses else 200, body)

        def reply(self, status, body):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *args):
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Airflow)
    server.statuses, server.requests, server.logins = [], [], []
    server.url = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("path", ["/eventLogs", "/eventLogs?order_by=-when"])
def test_a_list_is_read_to_its_end_whatever_the_size_of_its_pages(airflow, path):
    client = AirflowClient.of_platform(Settings(airflow_url=airflow.url, airflow_user="sentiment"))
    assert list(client.rows(path, "event_logs")) == [0, 1, 2, 3, 4]
    assert len(airflow.requests) == 3


def test_one_login_serves_several_requests(airflow):
    client = AirflowClient(airflow.url, "sentiment", "secret")
    assert (
        client.call("GET", "/dags/retrain") == client.call("POST", "/dags/retrain/dagRuns", {}) == {"state": "success"}
    )
    assert airflow.logins == [{"username": "sentiment", "password": "secret"}]
    assert airflow.requests == [
        ("GET", "/api/v2/dags/retrain", "Bearer token-1"),
        ("POST", "/api/v2/dags/retrain/dagRuns", "Bearer token-1"),
    ]


def test_the_account_is_named_as_airflow_knows_it(airflow):
    assert AirflowClient(airflow.url, "MLOPS", "secret").account_name() == "mlops"
    assert [path for _, path, _ in airflow.requests] == ["/ui/auth/me"]


def test_an_expired_token_is_renewed_once(airflow):
    client = AirflowClient(airflow.url, "sentiment", "secret")
    airflow.statuses = [401]
    assert client.call("GET", "/dags") == {"state": "success"}
    assert [token for _, _, token in airflow.requests] == ["Bearer token-1", "Bearer token-2"]
    airflow.statuses = [401, 401]
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        client.call("GET", "/dags")


def test_a_restarting_server_is_waited_for_only_with_patience(airflow):
    airflow.statuses = [503]
    with pytest.raises(httpx.HTTPStatusError, match="503"):
        AirflowClient(airflow.url, "sentiment", "secret").call("GET", "/dags")
    airflow.statuses = [503]
    assert AirflowClient(airflow.url, "sentiment", "secret", patience=10).call("GET", "/dags") == {"state": "success"}
    airflow.statuses = [404]
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        AirflowClient(airflow.url, "sentiment", "secret", patience=10).call("GET", "/dags")


def test_no_connection_is_an_error_of_transport():
    with pytest.raises(httpx.TransportError):
        AirflowClient("http://127.0.0.1:1", "sentiment", "secret").call("GET", "/dags")


def test_a_run_id_cannot_leave_its_path():
    assert task_path("retrain", "manual__2026-11-26T00:00:00+00:00/x", "approval") == (
        "/dags/retrain/dagRuns/manual__2026-11-26T00%3A00%3A00%2B00%3A00%2Fx/taskInstances/approval"
    )


def test_a_run_is_started_once_and_a_refusal_is_an_error(airflow):
    settings = Settings(airflow_url=airflow.url, airflow_user="sentiment", airflow_password="secret")
    airflow.statuses = [200, 409, 403]
    for _ in range(2):
        start_dag.run(settings, "retrain", run_id="catch-up-1", note="a test")
    assert [path for _, path, _ in airflow.requests] == ["/api/v2/dags/retrain/dagRuns"] * 2
    with pytest.raises(start_dag.NotStarted, match="refuses"):
        start_dag.run(settings, "retrain", run_id="catch-up-1", note="a test")
    with pytest.raises(start_dag.NotStarted, match="no account"):
        start_dag.run(Settings(), "retrain", run_id="catch-up-1", note="a test")
