"""Who clears a run, or sends the asset event that starts one, asked for its promotion, in nobody else's name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from airflow.api_fastapi.core_api.datamodels.event_logs import EventLogResponse

from sentiment_lib import verify_dossier
from sentiment_lib.airflow_client import AirflowClient
from sentiment_lib.errors import ApprovalVoid
from sentiment_lib.steps.decisions import export_dossier, request_approval
from sentiment_lib.steps.decisions.approval_rights import refusal
from sentiment_lib.steps.deployment import promote
from sentiment_lib.steps.operations import run_people, verify
from sentiment_lib.steps.operations.run_people import AssetOrigin

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
RUN = {"dag_id": "retrain", "run_id": "scheduled__1"}


def event(name, owner, *, run_id="scheduled__1", at=NOW, extra="{}"):
    """A row of Airflow's audit log, as its REST API answers it."""
    empty = dict.fromkeys(("task_id", "map_index", "try_number", "logical_date"))
    row = {"event_log_id": 1, "when": at, "dag_id": "retrain", "run_id": run_id, "event": name, "owner": owner}
    return EventLogResponse.model_validate({**row, **empty, "extra": extra}).model_dump(mode="json", by_alias=True)


@pytest.fixture
def airflow(monkeypatch, settings):
    """Airflow's records: `airflow.log` of the audit log, `airflow.runs` by path, `airflow.tries` as each task of a run
    may be tried; `airflow(...)` finds the people."""

    def page(field, rows, query):
        start = int(query["offset"][0])
        return {field: rows[start : start + int(query["limit"][0])], "total_entries": len(rows)}

    def call(_, method, path):
        address = urlsplit(path)
        query = parse_qs(address.query)
        if address.path == "/eventLogs" and find.log is not None:
            since = query.get("after", ["2000-01-01T00:00:00+00:00"])[0]
            rows = [one for one in find.log if one["event"] in query["included_events"]]
            after = datetime.fromisoformat(since)
            return page("event_logs", [one for one in rows if datetime.fromisoformat(one["when"]) > after], query)
        if address.path.endswith("/tasks"):
            return {"tasks": [{"task_id": name, "retries": float(many)} for name, (many, _) in find.tries.items()]}
        if address.path.endswith("/taskInstances"):
            rows = [{"task_id": name, "max_tries": allowed} for name, (_, allowed) in find.tries.items()]
            return page("task_instances", rows, query)
        if path in find.runs:
            return find.runs[path]
        response = httpx.Response(403 if address.path == "/eventLogs" else 404)
        raise httpx.HTTPStatusError("refused", request=httpx.Request(method, "http://airflow"), response=response)

    def find(**facts):
        account = settings.model_copy(update={"airflow_user": find.account})
        return run_people.find(account, **{**RUN, "triggered_by": None, **facts})

    monkeypatch.setattr(AirflowClient, "call", call)
    find.log, find.runs, find.tries, find.account = [], {}, {"train": (1, 1), "record": (0, 0)}, "sentiment"
    return find


def test_a_scheduled_run_that_nobody_touched_has_nobody_behind_it(airflow):
    assert airflow() == set()
    assert airflow(triggered_by="anna") == {"anna"}


def test_who_clears_a_run_is_behind_it(airflow):
    airflow.log = [event("post_clear_task_instances", "mlops"), event("clear_dag_run", "anna", run_id="another")]
    assert airflow(triggered_by="anna", clears=1) == {"anna", "mlops"}
    # several runs at once are named in the body of the request
    several = '{"dag_runs": [{"dag_run_id": "scheduled__1"}], "method": "POST"}'
    airflow.log = [event("clear_dag_runs", "mlops", run_id=None, extra=several), event("clear_dag_run", "sentiment")]
    assert airflow(clears=2) == {"mlops"}, "the platform itself is nobody"


def test_who_clears_tasks_without_their_run_is_behind_it_though_airflow_does_not_count_it(airflow):
    alone = '{"dry_run": false, "reset_dag_runs": false, "dag_run_id": "%s"}'
    airflow.log = [event("post_clear_task_instances", "mlops", extra=alone % "scheduled__1")]
    assert airflow(clears=0) == {"mlops"}
    # the query of the address, which Airflow takes for the run that it logs, hides nothing
    airflow.log = [event("post_clear_task_instances", "mlops", run_id="other", extra=alone % "scheduled__1")]
    assert airflow(clears=0) == {"mlops"}
    airflow.log = [event("post_clear_task_instances", "mlops", run_id="other", extra=alone % "other")]
    assert airflow(clears=0) == set()
    # Airflow logs no body of some content types, and takes it all the same
    for body in ('{"state": "queued"}', "{}", '{"method": "PATCH"}'):
        airflow.log = [event("patch_dag_run", "anna", extra=body)]
        assert airflow(clears=0) == {"anna"}
    airflow.log = [event("patch_dag_run", "anna", run_id="elsewhere", extra='{"state": "queued"}')]
    assert airflow(clears=0) == {"anna"}
    airflow.log = [event("patch_dag_run", "anna", extra='{"note": "looks good"}')]
    assert airflow(clears=0) == set()
    airflow.log = [event("patch_dag_run", "anna", extra='{"state": "failed"}')]
    assert airflow(clears=0) == set()


@pytest.mark.parametrize(
    "body", ['{"start_date": "2026-11-01"}', '{"dag_run_id": "other", "include_future": true}', "not json"]
)
def test_who_clears_the_tasks_of_all_runs_is_behind_each_that_existed(airflow, body):
    airflow.log = [event("post_clear_task_instances", "mlops", run_id=None, extra=body)]
    assert airflow(since=NOW - timedelta(hours=1)) == {"mlops"}
    assert airflow(since=NOW + timedelta(hours=1)) == set()


@pytest.mark.parametrize(("train", "record", "clears"), [((1, 2), (0, 0), 1), ((1, 3), (0, 1), 1), ((1, 1), (0, 2), 2)])
def test_a_clear_of_tasks_without_a_row_in_the_audit_log_is_somebody_unknown(airflow, train, record, clears):
    airflow.tries = {"train": train, "record": record}
    assert airflow() == {"unknown"}
    airflow.log = [event("post_clear_task_instances", "anna")] * (clears - 1)
    assert "unknown" in airflow()
    airflow.log = [event("post_clear_task_instances", "anna")] * clears
    assert airflow() == {"anna"}


def test_a_clear_of_another_task_accounts_for_none_of_this_one(airflow):
    airflow.tries = {"evaluate": (0, 1), "record": (0, 1)}
    body = '{"dag_run_id": "scheduled__1", "task_ids": %s%s}'
    airflow.log = [event("post_clear_task_instances", "anna", extra=body % ('["record"]', ""))]
    assert airflow() == {"anna", "unknown"}
    for named, more in (
        ('["record", ["evaluate", 0]]', ""),
        ('["record"]', ', "include_upstream": true'),
        ("null", ""),
    ):
        airflow.log = [event("post_clear_task_instances", "anna", extra=body % (named, more))]
        assert airflow() == {"anna"}


def test_a_clear_is_found_however_many_rows_came_after_it(airflow):
    hidden = event("post_clear_task_instances", "mlops", at=NOW - timedelta(minutes=5))
    airflow.log = [*[event("clear_dag_run", "mlops", run_id="another")] * 250, hidden]
    assert airflow() == {"mlops"}
    airflow.log = [event("clear_dag_run", "mlops", run_id="another")] * 10_001
    assert airflow() == {"unknown"}


@pytest.mark.parametrize("missing", ["row", "right", "account"])
def test_a_clear_that_airflow_does_not_account_for_is_somebody_unknown(airflow, missing):
    airflow.log = [event("clear_dag_run", "anna")] if missing == "row" else None if missing == "right" else []
    airflow.account = "" if missing == "account" else "sentiment"
    assert "unknown" in airflow(clears=2)


def test_who_sends_an_asset_event_is_behind_the_run_that_it_starts(airflow):
    sent = AssetOrigin(dag_id=None, run_id=None, at=NOW)
    airflow.log = [
        event("create_asset_event", "mlops", run_id=None, at=NOW - timedelta(seconds=1)),
        event("create_asset_event", "anna", run_id=None, at=NOW - timedelta(hours=1)),
    ]
    assert airflow(origins=[sent]) == {"mlops"}
    airflow.log = []
    assert airflow(origins=[sent]) == {"unknown"}


def test_who_triggered_the_run_that_sent_the_event_is_behind_it_too(airflow):
    sent = AssetOrigin(dag_id="check_drift", run_id="manual__1", at=NOW)
    assert airflow(origins=[sent]) == {"unknown"}, "the run was deleted"
    airflow.runs["/dags/check_drift/dagRuns/manual__1"] = {"triggering_user_name": "mlops"}
    assert airflow(origins=[sent]) == {"mlops"}
    airflow.runs["/dags/check_drift/dagRuns/manual__1"] = {"triggering_user_name": None}
    assert airflow(origins=[sent]) == set()


def test_an_approver_who_cleared_the_run_may_not_approve_it(store, settings, decide_again, say):
    decision = decide_again("retrain/2")
    ask = {"decision_ids": [decision.decision_id], "requested_by": "retrain/2"}
    request_approval.run(store, settings, **ask)
    # asked again after the clear
    request_approval.run(store, settings, **ask, people=["mlops"])
    found = say(decision)
    assert (found.response, "mlops asked for this promotion" in found.reason) == ("void", True)


def test_of_a_run_with_somebody_unknown_behind_it_nobody_approves(store, settings, decide_again, say, monkeypatch):
    decision = decide_again("retrain/2")
    found = say(decision, people=["unknown"])
    assert (found.response, "Airflow does not say who" in found.reason) == ("void", True)
    assert say(decide_again("retrain/3"), "rejected", people=["unknown"]).response == "rejected"

    def lax(connection, policy, decision, response, requesters):
        return refusal(connection, policy, decision, response, set())

    other = decide_again("retrain/4")
    monkeypatch.setattr("sentiment_lib.steps.decisions.approval_rights.refusal", lax)
    assert say(other, people=["unknown"]).response == "approved"
    with pytest.raises(ApprovalVoid, match="unknown asked for this promotion"):
        promote.run(store, settings, decision_id=other.decision_id)
    assert any("unknown asked" in problem for problem in verify.run(store, settings, artefacts=False).problems)
    with pytest.raises(verify_dossier.Refused, match="unknown asked"):
        verify_dossier.verify(export_dossier.run(store, decision_id=other.decision_id).encode())


def test_an_answer_from_before_the_decision_approves_nothing(store, settings, decide_again, say, monkeypatch):
    earlier = datetime.now(UTC) - timedelta(hours=3)
    found = say(decide_again("retrain/2"), answered_at=earlier)
    assert (found.response, "given before the decision" in found.reason) == ("void", True)
    other = decide_again("retrain/3")
    monkeypatch.setattr("sentiment_lib.steps.decisions.record_approval._staleness", lambda *_: None)
    # within the tolerance of clocks
    assert say(other, answered_at=datetime.now(UTC) - timedelta(minutes=2)).response == "approved"
    with pytest.raises(ApprovalVoid, match="mlops answered before the decision"):
        promote.run(store, settings, decision_id=other.decision_id)
    problems = verify.run(store, settings, artefacts=False).problems
    assert any("mlops answered before the decision" in problem for problem in problems)
    with pytest.raises(verify_dossier.Refused, match="mlops answered before the decision"):
        verify_dossier.verify(export_dossier.run(store, decision_id=other.decision_id).encode())
