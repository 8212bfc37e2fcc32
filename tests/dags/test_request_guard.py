"""Requests that Airflow's audit log would miss or misdescribe are refused; others reach Airflow as they were sent."""

from __future__ import annotations

import json

import pytest
from sentiment_airflow.request_guard import RequestGuard
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

RUN = "/api/v2/dags/retrain/dagRuns/manual__2026-01-01T00:00:00+00:00"
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def airflow():
    """A server that says what reached it, behind the guard."""

    async def echo(request):
        body = await request.body()
        return JSONResponse({"method": request.method, "body": body.decode(), "query": request.url.query})

    methods = ["GET", "POST", "PATCH", "DELETE"]
    return TestClient(RequestGuard(Starlette(routes=[Route("/{path:path}", echo, methods=methods)])))


@pytest.mark.parametrize(
    ("method", "path", "body", "reason"),
    [
        ("DELETE", f"{RUN}/taskInstances/approval", None, "clear them"),
        ("DELETE", f"{RUN}/taskInstances/train/2", None, "clear them"),
        ("DELETE", "/at/a/prefix/api/v2/dags/a/dagRuns/of%2Fslashes/taskInstances/train", None, "clear them"),
        ("PATCH", f"{RUN}/taskInstances", {"actions": [{"action": "delete", "entities": ["approval"]}]}, "clear them"),
        ("PATCH", "/api/v2/dags/~/dagRuns/~/taskInstances/", {"actions": [{"action": "delete"}]}, "clear them"),
        ("PATCH", f"{RUN}?run_id=elsewhere", {"state": "queued"}, "may not have run_id"),
        ("POST", f"{RUN}/clear?dag_id=other&task_id=x", {"dry_run": False}, "may not have dag_id, task_id"),
        ("POST", "/api/v2/dags/retrain/clearTaskInstances", {"dry_run": "false"}, "true or false"),
        ("POST", f"{RUN}/clear", {"dry_run": 0}, "true or false"),
    ],
)
def test_what_the_audit_log_would_miss_or_misdescribe_is_refused(airflow, method, path, body, reason):
    answer = airflow.request(method, path, json=body)
    assert answer.status_code == 403
    assert reason in answer.json()["detail"]


@pytest.mark.parametrize("kind", ["text/plain", "Application/JSON", "application/x+json"])
def test_a_body_that_is_not_recorded_is_refused(airflow, kind):
    answer = airflow.patch(RUN, content='{"state": "queued"}', headers={"content-type": kind})
    assert (answer.status_code, "content type" in answer.text) == (403, True)
    assert airflow.patch(RUN, content="{", headers=JSON).status_code == 403
    assert airflow.post(f"{RUN}/clear", content=b" " * (5 << 20), headers=JSON).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", RUN, {"state": "queued"}),
        ("DELETE", RUN, None),
        ("DELETE", f"{RUN}/taskInstances/train/xcomEntries/return_value", None),
        ("PATCH", f"{RUN}/taskInstances/approval?update_mask=new_state", {"new_state": "success"}),
        ("PATCH", f"{RUN}/taskInstances", {"actions": [{"action": "update", "entities": []}]}),
        ("POST", "/api/v2/dags/retrain/clearTaskInstances", {"dry_run": False, "task_ids": ["a"]}),
        ("POST", "/api/v2/backfills", {"dag_id": "retrain"}),
        ("GET", "/api/v2/eventLogs?dag_id=retrain&run_id=one", None),
        ("POST", "/sentiment/alerts/1?run_id=one", {"dry_run": "no"}),
    ],
)
def test_all_others_reach_airflow_as_they_were_sent(airflow, method, path, body):
    answer = airflow.request(method, path, json=body)
    assert answer.status_code == 200
    assert answer.json()["method"] == method
    assert (json.loads(answer.json()["body"]) if body else answer.json()["body"] or None) == body


def test_a_large_request_arrives_whole(airflow):
    body = {"note": "x" * 300_000}
    assert airflow.patch(RUN, content=iter([json.dumps(body).encode()]), headers=JSON).json()["body"] == json.dumps(
        body
    )
