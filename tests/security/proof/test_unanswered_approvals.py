"""An approval counts when the database has a person's response, and in no other case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from sentiment_lib.errors import ApprovalVoid, BadInput
from sentiment_lib.hashing import canonical_json
from sentiment_lib.steps.decisions import check_approval
from sentiment_lib.steps.deployment import promote
from sentiment_lib.steps.operations import resolve_alert, sign_in, verify
from sentiment_lib.storage import forged_approvals, grants, ledger
from sentiment_lib.storage.engine import Store
from tests.conftest import as_role

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


@pytest.fixture
def forged(store, settings, decided, database_url):
    """A forged approval whose alert somebody resolved in the console, by its database role; gives the alert's id."""
    assert check_approval.run(store, settings, **RUN) is None
    console = Store(as_role(database_url, grants.CONSOLE))
    with console.begin() as connection:
        statement = "UPDATE alerts SET resolved_at = now(), resolved_by = 'x' WHERE kind = 'forged_approval'"
        alert_id = connection.execute(text(f"{statement} RETURNING alert_id")).scalar_one()
    for hiding in ("kind = 'x'", "dedup_key = 'x'"):
        with pytest.raises(ProgrammingError, match="permission denied"), console.begin() as connection:
            connection.execute(text(f"UPDATE alerts SET {hiding}"))
    console.close()
    return alert_id


@pytest.fixture
def resolve(store, settings):
    """Resolve an alert as this person, with a token."""

    def as_person(name, alert_id):
        token, _ = sign_in.add_person(store, settings, name=name, lifetime=timedelta(days=1), issuer=None)
        resolve_alert.run(store, alert_id=alert_id, person=sign_in.verify_token(store, token), comment="settled")

    return as_person


def named(store, settings):
    problems = verify.run(store, settings, artefacts=False).problems
    return [problem for problem in problems if "nobody answered" in problem]


def test_only_another_approver_on_the_command_line_settles_a_forged_approval(store, settings, decided, forged, resolve):
    assert named(store, settings), "the alert is hidden, the ledger has it"
    with pytest.raises(BadInput, match="platform is no approver"):
        resolve("platform", forged)
    assert named(store, settings)
    resolve("admin", forged)
    assert verify.run(store, settings, artefacts=False).problems == ()


def test_whoever_asked_for_the_promotion_does_not_settle_it(store, settings, decided, forged, resolve, owner):
    with owner.begin() as connection:
        ledger.append(
            connection, "approval_request", {"decision_id": decided.decision.decision_id, "requesters": ["mlops"]}
        )
    with pytest.raises(BadInput, match="mlops requested decision"):
        resolve("mlops", forged)
    assert named(store, settings)


def test_a_resolution_that_nobody_signed_settles_nothing(store, settings, decided, forged):
    _, record = sign_in.add_person(store, settings, name="admin", lifetime=timedelta(days=1), issuer=None)
    facts = {"decision_id": decided.decision.decision_id, "resolved_by": "admin", "comment": ""}
    with store.begin() as connection:
        last, now = ledger.head(connection), datetime.now(UTC)
        body = canonical_json({**facts, "provenance": {"token_id": record.token_id}})
        place = (last.sequence + 1, forged_approvals.RESOLVED, body, last.entry_hash)
        row = (*place, ledger.entry_hash(*place, now), now, "x:AAAA")
        names = ("sequence", "kind", "payload", "previous_hash", "entry_hash", "recorded_at", "signature")
        values = dict(zip(names, row, strict=True))
        insert = f"INSERT INTO ledger ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"
        connection.execute(text(insert), values)
    assert named(store, settings)


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
