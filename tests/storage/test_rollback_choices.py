"""What the form of the DAG `rollback` offers follows the champion."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from benchmarks import small_models
from sentiment_lib.steps.deployment import rollback_choices
from sentiment_lib.storage import grants

#: Steps run as the platform runs them.
DATABASE_ROLE = grants.APP


@pytest.fixture
def asked():
    """Requests to an Airflow that knows the DAG, and its address."""

    class Airflow(BaseHTTPRequestHandler):
        def answer(self):
            requests.append(f"{self.command} {self.path}")
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"access_token": "t", "file_token": "the.file"}).encode())

        def log_message(self, *_):
            pass

    for method in ("GET", "POST", "PUT"):
        setattr(Airflow, f"do_{method}", Airflow.answer)
    requests: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), Airflow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", requests
    server.shutdown()
    server.server_close()


def test_a_changed_list_has_airflow_parse_the_form_again_and_an_unchanged_one_does_not(store, settings, asked):
    address, requests = asked
    settings = settings.model_copy(
        update={"airflow_url": address, "airflow_user": "platform", "airflow_password": settings.author_key}
    )
    for version, family in ((1, "vader"), (2, "tfidf_logreg")):
        small_models.enter(store, version, family, "d")
        small_models.deploy(store, version)
    assert rollback_choices.offer(store, settings)
    assert json.loads((settings.home / rollback_choices.FILE).read_text()) == {"1": "version 1 (vader)"}
    assert requests == ["POST /auth/token", "GET /api/v2/dags/rollback", "PUT /api/v2/parseDagFile/the.file"]
    assert not rollback_choices.offer(store, settings)
    assert len(requests) == 3


def test_the_list_is_written_while_airflow_is_away(store, settings):
    away = settings.model_copy(update={"airflow_url": "http://127.0.0.1:9", "airflow_user": "platform"})
    assert rollback_choices.offer(store, away)
    assert json.loads((settings.home / rollback_choices.FILE).read_text()) == {}
