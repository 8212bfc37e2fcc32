"""An answer counts only when the platform signed it, the decision's policy allows it, and another person asked."""

from __future__ import annotations

import hashlib
import json
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner

from sentiment_lib import verify_dossier
from sentiment_lib.airflow_client import AirflowClient
from sentiment_lib.cli.models import decisions as commands
from sentiment_lib.errors import AnswerRefused, ApprovalVoid, NotSignedIn
from sentiment_lib.hashing import canonical_json
from sentiment_lib.records import ApprovalResponse
from sentiment_lib.steps.decisions import (
    approval_provenance,
    check_approval,
    export_dossier,
    record_approval,
    request_approval,
)
from sentiment_lib.steps.deployment import promote
from sentiment_lib.steps.operations import sign_in, verify
from sentiment_lib.steps.operations.sign_in import Person
from sentiment_lib.storage import approval_votes, decisions, ledger
from sentiment_lib.storage.engine import Store
from tests.conftest import as_role

RUN = {"requested_by": "retrain/1"}


@pytest.fixture
def cli(store, monkeypatch):
    app = typer.Typer()
    commands.register(app)

    def typed(settings, *words):
        monkeypatch.setattr(commands, "open_store", lambda: nullcontext((store, settings)))
        return CliRunner().invoke(app, list(words))

    return typed


@pytest.fixture
def intruder(database_url, settings):
    """Inserts as the platform's role, without a signing key."""
    store = Store(as_role(database_url, "sentiment_app"), anchors_file=settings.anchors_file)

    def run(statement, **values):
        with store.begin() as connection:
            connection.execute(text(statement), values)

    yield run
    store.close()


@pytest.fixture
def asked(store, settings, decide_again):
    """A decision that a run of Airflow asked for, and the request for it by this person."""

    def by(person, run="retrain/manual"):
        decision = decide_again(run)
        given = {"decision_ids": [decision.decision_id], "requested_by": run, "people": [person]}
        assert request_approval.run(store, settings, **given)
        return decision

    return by


def problems(store, settings):
    return verify.run(store, settings, artefacts=False).problems


def test_who_triggered_the_run_may_not_approve_it_on_the_command_line(store, settings, asked, cli, sign_in_as):
    number = asked("mlops").decision_id
    refused = cli(sign_in_as("mlops"), "approve", str(number))
    assert isinstance(refused.exception, AnswerRefused)
    assert "mlops asked for this promotion" in str(refused.exception)
    assert cli(sign_in_as("admin"), "approve", str(number)).exit_code == 0
    assert problems(store, settings) == ()
    assert verify_dossier.verify(export_dossier.run(store, decision_id=number).encode())


def test_who_triggered_the_run_may_not_approve_it_in_airflow(settings, asked, say):
    found = say(asked("mlops"))
    assert (found.response, "mlops asked for this promotion" in found.reason) == ("void", True)


def test_an_approval_by_who_asked_is_refused_by_all_who_read_it(store, settings, asked, monkeypatch, say):
    decision = asked("mlops")
    with monkeypatch.context() as lax:
        lax.setattr(record_approval.approval_rights, "refusal", lambda *_: None)
        lax.setattr(record_approval, "_requesters", lambda *_: set())
        assert say(decision).response == "approved"
    assert check_approval.run(store, settings, requested_by="retrain/manual") is None
    with pytest.raises(ApprovalVoid, match="mlops asked for this promotion"):
        promote.run(store, settings, decision_id=decision.decision_id)
    assert any("mlops approved, and mlops asked" in problem for problem in problems(store, settings))
    with pytest.raises(verify_dossier.Refused, match="mlops approved, and mlops asked"):
        verify_dossier.verify(export_dossier.run(store, decision_id=decision.decision_id).encode())


def test_of_an_older_decision_airflow_says_who_triggered_the_run(
    store, settings, decide_again, cli, sign_in_as, monkeypatch
):
    number = str(decide_again("retrain/old").decision_id)
    unknown = cli(sign_in_as("admin"), "approve", number).exception
    assert "no account in Airflow to ask" in str(unknown)
    paths = []
    monkeypatch.setattr(
        AirflowClient,
        "call",
        lambda _, __, path: (
            paths.append(path)
            or {
                "triggering_user_name": "mlops",
                "run_type": "manual",
                "run_after": "2026-11-27T12:00:00Z",
                "event_logs": [],
                "tasks": [],
                "task_instances": [],
            }
        ),
    )
    account = settings.model_copy(update={"airflow_user": "sentiment"})
    assert "mlops asked for this" in str(
        cli(
            sign_in_as("mlops", settings).model_copy(update={"airflow_user": account.airflow_user}), "approve", number
        ).exception
    )
    run = "/dags/retrain/dagRuns/old"
    assert [path.partition("?")[0] for path in paths] == [
        run,
        "/eventLogs",
        "/dags/retrain/tasks",
        f"{run}/taskInstances",
    ]
    assert cli(sign_in_as("admin"), "approve", number).exit_code == 0, "it is recorded now"
    assert problems(store, settings) == ()


def test_the_policy_of_the_caller_cannot_add_an_approver(store, settings, decided, changed, cli, sign_in_as):
    lenient = changed(approval={"approvers": ("platform",), "self_approval": True})
    refused = cli(sign_in_as("platform", lenient), "approve", str(decided.decision.decision_id))
    assert "platform is not among the approvers" in str(refused.exception)


def test_the_policy_of_the_caller_cannot_lower_the_quorum(store, settings, changed, decide_again, say):
    decision = decide_again("retrain/2", changed(approval={"quorum": 2}))
    assert say(decision).response == "approved"
    with store.begin() as connection:
        assert decisions.approval(connection, decision.decision_id) is None, "one vote of two"


def test_verify_judges_by_the_policy_of_the_decision(store, settings, decided, changed, say, monkeypatch):
    monkeypatch.setattr(record_approval.approval_rights, "in_force", lambda today, _: today)
    monkeypatch.setattr(
        record_approval.approval_rights, "rights_of", lambda *_: [approval_votes.Right(principal="platform")]
    )
    assert say(decided.question, by="platform").response == "approved"
    assert any("platform is no approver in the decision's policy" in problem for problem in problems(store, settings))
    with pytest.raises(verify_dossier.Refused, match="platform"):
        verify_dossier.verify(export_dossier.run(store, decision_id=decided.decision.decision_id).encode())


def test_an_approval_of_an_earlier_release_counts_by_the_policy_of_its_day(store, changed, decide_again, monkeypatch):
    number, later = decide_again("retrain/2").decision_id, changed(approval={"approvers": ("admin", "mlops", "anna")})
    with store.begin() as connection:
        evidence_hash = decisions.by_id(connection, number).evidence_hash
    answer = ApprovalResponse(
        decision_id=number, response="approved", answered_by="anna", evidence_hash=evidence_hash, reason="good"
    )
    provenance = approval_provenance.from_airflow(
        answer, task="retrain/2/approval", task_instance_id="x", user_id="anna"
    )
    with monkeypatch.context() as earlier:
        earlier.setattr(record_approval.approval_rights, "in_force", lambda today, _: today)
        earlier.setattr(record_approval.approval_requests, "store_request", lambda *_: None)
        assert record_approval.run(store, later, answer, provenance=provenance).response == "approved"
    assert promote.run(store, later, decision_id=number).kind == "promotion"
    assert problems(store, later) == ()
    assert verify_dossier.verify(export_dossier.run(store, decision_id=number).encode())


def test_an_approval_without_a_signed_row_promotes_nothing(store, settings, decided, intruder):
    intruder(
        "INSERT INTO approvals (decision_id, response, answered_by, answered_at, reason, evidence_hash) "
        "SELECT decision_id, 'approved', 'admin', now(), 'x', evidence_hash FROM decisions"
    )
    for _ in range(2):
        assert check_approval.run(store, settings, **RUN) is None
    with pytest.raises(ApprovalVoid, match="no signed row"):
        promote.run(store, settings, decision_id=decided.decision.decision_id)
    with store.begin() as connection:
        assert len(list(ledger.entries(connection, ("forged_approval",)))) == 1
        assert connection.execute(text("SELECT severity FROM alerts WHERE kind = 'forged_approval'")).scalar_one()


def forge(store, intruder, kind, facts):
    with store.begin() as connection:
        last = ledger.head(connection)
    body, now = canonical_json(facts), datetime.now(UTC)
    intruder(
        "INSERT INTO ledger (sequence, kind, payload, previous_hash, entry_hash, recorded_at, signature) "
        "VALUES (:sequence, :kind, :body, :previous, :hash, :now, :signature)",
        sequence=last.sequence + 1,
        kind=kind,
        body=body,
        previous=last.entry_hash,
        hash=ledger.entry_hash(last.sequence + 1, kind, body, last.entry_hash, now),
        now=now,
        signature=last.signature,
    )


def test_a_vote_or_delegation_that_the_platform_did_not_sign_does_not_count(store, decided, intruder):
    number, now = decided.decision.decision_id, datetime.now(UTC)
    vote = {"decision_id": number, "answer": "approved", "answered_by": "admin", "answered_at": now, "reason": "x"}
    forge(store, intruder, "vote", vote | {"evidence_hash": "x", "on_behalf_of": "admin"})
    forge(store, intruder, "delegation", {"principal": "admin", "delegate": "x", "until": now + timedelta(days=1)})
    with store.begin() as connection:
        assert approval_votes.of_decision(connection, number) == []
        assert approval_votes.active_delegations(connection, now + timedelta(minutes=1)) == []


def test_a_token_that_the_platform_did_not_issue_is_unknown(store, settings, intruder):
    intruder(
        "INSERT INTO person_tokens (name, token_hash, issued_by, os_user, created_at, expires_at) "
        "VALUES ('admin', :hash, 'airflow', 'x', now(), now() + interval '1 day')",
        hash=hashlib.sha256(b"st_made_up").digest(),
    )
    with pytest.raises(NotSignedIn):
        sign_in.verify_token(store, "st_made_up")


def test_rows_older_than_the_first_key_count_by_the_checkpoint(store, owner, decided):
    with owner.begin() as connection:
        connection.execute(text("ALTER TABLE ledger DISABLE TRIGGER USER"))
        connection.execute(text("UPDATE ledger SET signature = NULL"))
        connection.execute(text("ALTER TABLE ledger ENABLE TRIGGER USER"))
    with store.begin() as connection:
        ledger.append_checkpoint(connection)
    facts = {"decision_id": decided.decision.decision_id}
    with store.begin() as connection:
        assert ledger.find_genuine(connection, "decision", facts)
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(
            text("UPDATE ledger SET payload = replace(payload, 'PROMOTE', 'HOLD') WHERE kind = 'decision'")
        )
        assert ledger.find_genuine(connection, "decision", facts) is None


def test_who_issued_a_token_counts_as_the_requester_too(store, settings, decide_again, cli, sign_in_as):
    issuer = Person(name="mlops", token_id=1, issued_by="airflow", os_user="x")
    token, _ = sign_in.add_person(store, settings, name="puppet", lifetime=timedelta(days=1), issuer=issuer)
    assert sign_in.verify_token(store, token).name == "puppet"
    number = decide_again("puppet/2026-01-02T03:04:05").decision_id
    assert "may not approve it" in str(cli(sign_in_as("mlops"), "approve", str(number)).exception)
    with store.begin() as connection:
        issued = next(json.loads(row.payload) for row in ledger.entries(connection, ("token_issued",)))
    assert (issued["name"], issued["issuer"]) == ("puppet", "mlops")
