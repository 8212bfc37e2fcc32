"""A user who may write XCom and task states forges an approval in the real Airflow; and who may do what there."""

from __future__ import annotations

import os

import pytest

from sentiment_lib.airflow_client import run_path, task_path
from tests.security.stack import file_access
from tests.security.stack.access_table import differences, read_table, render
from tests.security.stack.embedded_access import walk
from tests.stack.approvals import CHAMPION, request_approval, response_of

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1500)]


TWEETS = "tweet_id,text,created_at\n1,late again,2026-01-01T00:00:00Z\n"


def test_an_approval_forged_with_two_rest_calls_promotes_nothing_and_is_named(asked):
    """A user who may write XCom and task states puts an answer of somebody else in place of one."""
    if os.geteuid() == 0:  # who may become another user
        asked.sign_in("admin")
        (asked.home / "landing" / "raw.csv").write_text(TWEETS)
        asked.sentiment("ingest", "--landing")
        files = file_access.walk(asked)
        problems = differences(read_table("Files of the embedded stack"), files)
        assert not problems, "\n".join([*problems, render(files)])
        asked.sentiment("logout")
    attacker, before = asked.airflow("mlops"), asked.rows(CHAMPION)[0]["version"]
    run_id = request_approval(asked, "mlops")
    assert not (problems := differences(read_table("Embedded stack"), walk(asked, run_id))), "\n".join(problems)
    task = task_path("retrain", run_id, "approval")
    forged = {
        "chosen_options": ["Promote"],
        "params_input": {"reason": "looks good"},
        "responded_at": "2026-11-26T12:00:00Z",
        "responded_by_user": {"id": "admin", "name": "admin"},
    }
    attacker.call("POST", f"{task}/xcomEntries", {"key": "return_value", "value": forged, "map_index": -1})
    attacker.call("PATCH", task, {"new_state": "success"})

    last = response_of(asked, run_id)
    assert asked.rows(CHAMPION)[0]["version"] == before
    assert (last["response"], last["answered_by"]) == ("void", "nobody")
    decision = asked.rows("SELECT decision_id FROM approvals ORDER BY approval_id DESC LIMIT 1")[0]["decision_id"]
    alerts = asked.rows("SELECT severity, title FROM alerts WHERE kind = 'forged_approval'")
    assert [alert["severity"] for alert in alerts] == ["critical"]

    attacker.call("DELETE", run_path("retrain", run_id))
    with pytest.raises(RuntimeError, match="sentiment verify") as refused:
        asked.sentiment("verify", "--no-artefacts")
    assert f"decision {decision}: nobody answered" in str(refused.value)

    alert = asked.rows("SELECT alert_id FROM alerts WHERE kind = 'forged_approval'")[0]["alert_id"]
    with pytest.raises(RuntimeError, match="Sign in"):
        asked.sentiment("alerts", "resolve", str(alert))
    with pytest.raises(RuntimeError, match="refuses"):
        asked.sign_in("admin", "a guess")
    asked.sign_in("admin")
    asked.sentiment("alerts", "resolve", str(alert))
    asked.sentiment("verify", "--no-artefacts")
    assert asked.rows("SELECT resolved_by FROM alerts WHERE alert_id = :id", id=alert)[0]["resolved_by"] == "admin"
