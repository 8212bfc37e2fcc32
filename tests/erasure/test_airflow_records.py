"""What people typed into Airflow is searched, and a receipt says when nobody could look."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from sentiment_lib.erasure.terms import Terms
from sentiment_lib.steps.erasure import airflow_records, forget, receipt, request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.storage import grants

DATABASE_ROLE = grants.APP
MINE = 1_200_000_000_000_000_001
TERMS = Terms(ids=frozenset({MINE}), names=frozenset({"zqannie"}))


def run_of(number, **typed):
    run = {"dag_id": "rollback", "dag_run_id": f"manual__{number}", "run_type": "manual"}
    return {**run, "conf": {}, "note": None, **typed}


@pytest.fixture
def airflow(settings):
    """Airflow's lists on loopback: runs, tasks and answers; settings with an account in it."""

    class Airflow(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.reply(201, {"access_token": "t"})

        def do_GET(self):
            url = urlsplit(self.path)
            name = {"hitlDetails": "hitl_details", "taskInstances": "task_instances"}.get(
                url.path.rpartition("/")[2], "dag_runs"
            )
            asked = {key: value for key, (value,) in parse_qs(url.query).items()}
            start = int(asked["offset"])
            listed = [
                one for one in server.lists[name] if one.get("run_type") == asked.get("run_type", one.get("run_type"))
            ]
            records = listed[start : start + int(asked["limit"])]
            self.reply(server.status, {name: records, "total_entries": len(listed)})

        def reply(self, status, body):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *args):
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Airflow)
    server.lists, server.status = {"dag_runs": [], "hitl_details": [], "task_instances": []}, 200
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    account = {"airflow_url": address, "airflow_user": "sentiment", "airflow_password": SecretStr("x")}
    server.settings = settings.model_copy(update=account)
    yield server
    server.shutdown()
    server.server_close()


def test_forms_notes_and_answers_are_searched_to_the_last_page(airflow):
    airflow.lists["dag_runs"] = [run_of(number) for number in range(230)]
    airflow.lists["dag_runs"][229]["conf"] = {"reason": f"wrong about {MINE}"}
    airflow.lists["dag_runs"][120]["note"] = "@zqannie complained"
    airflow.lists["dag_runs"][7]["dag_run_id"] = f"of-{MINE}"
    answer = {"params_input": {"reason": "ask @ZQAnnie"}, "chosen_options": ["Reject"]}
    airflow.lists["hitl_details"] = [{**answer, "task_instance": {"dag_id": "retrain", "dag_run_id": "scheduled__1"}}]
    found = airflow_records.search(airflow.settings, TERMS)
    assert (found.searched, found.problem) == (231, "")
    assert found.speaking == (
        "retrain/scheduled__1",
        "rollback/manual__120",
        "rollback/manual__229",
        "rollback/of-[erased]",
    )


def test_a_note_on_any_run_or_task_is_searched_and_a_limit_is_told(airflow, monkeypatch):
    airflow.lists["dag_runs"] = [
        run_of(1, run_type="scheduled", note=f"held because of tweet {MINE}"),
        run_of(2, run_type="asset_triggered", note="ask @zqannie"),
        run_of(3),
    ]
    task = {"dag_id": "retrain", "dag_run_id": "scheduled__9", "task_id": "train"}
    airflow.lists["task_instances"] = [{**task, "note": None}, {**task, "note": f"see {MINE}"}]
    found = airflow_records.search(airflow.settings, TERMS)
    assert found.speaking == ("retrain/scheduled__9", "rollback/manual__1", "rollback/manual__2")
    assert (found.searched, found.problem) == (5, "")
    monkeypatch.setattr(airflow_records, "MOST", 2)
    found = airflow_records.search(airflow.settings, TERMS)
    assert found.searched == 4
    assert found.problem == "there are more than 2 dag runs, and the newest were looked at"


@pytest.mark.parametrize(
    ("status", "account", "problem"),
    [
        (200, {"airflow_user": ""}, "this process has no account in Airflow (SENTIMENT_AIRFLOW_USER)"),
        (403, {}, "Airflow cannot be asked (HTTPStatusError)"),
        (200, {"airflow_url": "http://127.0.0.1:9"}, "Airflow cannot be asked (ConnectError)"),
    ],
)
def test_the_receipt_says_that_airflow_could_not_be_asked(store, airflow, status, account, problem):
    airflow.status = status
    settings = airflow.settings.model_copy(update=account)
    number = request_erasure.run(store, settings, ErasureOrder(tweet_ids=[MINE], requested_by="desk"))
    assert forget.run(store, settings, models=False).done == (number,)
    with store.begin() as connection:
        told = receipt.of_request(connection, number)["ledger"][1]["airflow"]
    assert told == {"searched": 0, "speaking": [], "problem": problem}


def test_the_receipt_names_the_runs_that_speak_of_it(store, airflow):
    airflow.lists["dag_runs"] = [run_of(1), run_of(2, note=f"see {MINE}")]
    number = request_erasure.run(store, airflow.settings, ErasureOrder(tweet_ids=[MINE], requested_by="desk"))
    assert forget.run(store, airflow.settings, models=False).done == (number,)
    with store.begin() as connection:
        told = receipt.of_request(connection, number)["ledger"][1]["airflow"]
    assert told == {"searched": 2, "speaking": ["rollback/manual__2"], "problem": ""}
