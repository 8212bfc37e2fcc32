"""An approval counts when the database has a person's response, and in no other case."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from sentiment_lib.errors import ApprovalVoid
from sentiment_lib.steps.decisions import check_approval
from sentiment_lib.steps.deployment import promote
from sentiment_lib.steps.operations import verify
from sentiment_lib.storage import alerts, grants, ledger

#: Steps run as the platform runs them.
DATABASE_ROLE = grants.APP

RUN = {"requested_by": "retrain/1"}


def test_a_recorded_approval_is_found_by_its_run(store, settings, decided, say):
    say(decided.question)
    assert check_approval.run(store, settings, **RUN) == decided.decision.decision_id
    assert check_approval.run(store, settings, requested_by="retrain/2") is None


def test_an_approval_that_nobody_answered_is_void_loud_and_in_the_ledger(store, settings, decided):
    number = decided.decision.decision_id
    assert check_approval.run(store, settings, **RUN) is None
    assert check_approval.run(store, settings, **RUN) is None
    recorded = check_approval.find_response(store, settings, **RUN)
    assert (recorded.response, recorded.answered_by) == ("void", "nobody")
    with store.begin() as connection:
        found = connection.execute(text("SELECT alert_id, severity FROM alerts WHERE kind = 'forged_approval'")).all()
        assert [alert.severity for alert in found] == ["critical"]
        assert [entry.kind for entry in ledger.entries(connection)][-2:] == ["approval", "forged_approval"]
    with pytest.raises(ApprovalVoid):
        promote.run(store, settings, decision_id=number)

    problems = verify.run(store, settings, artefacts=False).problems
    assert [problem for problem in problems if f"decision {number}: nobody answered" in problem]
    with store.begin() as connection:
        alerts.resolve_alert(connection, found[0].alert_id, "admin")
    assert verify.run(store, settings, artefacts=False).problems == ()


def test_where_a_response_came_from_is_in_the_ledger(store, settings, decided, say):
    say(decided.question)
    with store.begin() as connection:
        entry = list(ledger.entries(connection, ("approval",)))[-1]
    assert entry.facts()["provenance"]["task"] == "retrain/1/approval"
    assert verify.run(store, settings, artefacts=False).problems == ()


@pytest.mark.parametrize(("word", "reason"), [("rejected", "storm days only"), ("rejected", None), ("expired", None)])
def test_what_is_no_approval_promotes_nothing_and_is_no_forgery(store, settings, decided, say, word, reason):
    say(decided.question, word, reason=reason, by="mlops" if word == "rejected" else None)
    assert check_approval.run(store, settings, **RUN) is None
    with store.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM alerts")).scalar_one() == 0
