"""A quorum of different people, delegates for a time, a second list before the expiry: who counts, and how it shows."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest
import typer
from pydantic import ValidationError
from sqlalchemy import text
from typer.testing import CliRunner

from sentiment_lib import verify_dossier
from sentiment_lib.cli.models import approvals as commands
from sentiment_lib.errors import AnswerRefused, ApprovalIncomplete, ApprovalVoid, BadInput
from sentiment_lib.policy import ApprovalPolicy
from sentiment_lib.records import ApprovalResponse
from sentiment_lib.steps.decisions import (
    approval_provenance,
    check_approval,
    delegate,
    export_dossier,
    record_approval,
    request_approval,
)
from sentiment_lib.steps.deployment import promote
from sentiment_lib.steps.operations import check_alerts, verify
from sentiment_lib.storage import alerts, approval_requests, decisions, ledger

THREE = ("admin", "mlops", "anna")
RUN = {"requested_by": "retrain/1"}
NOW = datetime.now(UTC)


@pytest.fixture
def under(store, changed, decide_again):
    """Answers to a decision made under a policy for approvals; `answer.number` is its id."""

    def policy(**rules):
        settings = changed(approval={"approvers": THREE, **rules})
        number = decide_again("retrain/1", settings).decision_id
        question = request_approval.run(store, settings, decision_ids=[number], **RUN)

        def answer(person, word="approved", *, reason="looks right", **more):
            response = ApprovalResponse(
                decision_id=number,
                response=word,
                answered_by=person,
                reason=reason,
                evidence_hash=question.evidence_hash,
                **more,
            )
            origin = {"task": "retrain/1/approval", "task_instance_id": "an id", "user_id": person}
            provenance = approval_provenance.from_airflow(response, **origin)
            return record_approval.run(store, settings, response, provenance=provenance)

        answer.settings, answer.number, answer.question = settings, number, question
        return answer

    return policy


def problems_of(store, settings):
    return verify.run(store, settings, artefacts=False).problems


def recorded(store, answer):
    with store.begin() as connection:
        return decisions.approval(connection, answer.number)


def test_two_people_must_approve_and_one_person_counts_once(store, decided, under):
    answer = under(quorum=2)
    number = answer.number
    first = answer("mlops")
    assert answer("mlops") == first, "a repeated vote is the same vote"
    assert recorded(store, answer) is None
    with pytest.raises(ApprovalVoid, match="nobody approved"):
        promote.run(store, answer.settings, decision_id=number)
    assert check_approval.respondents(store, answer.settings, **RUN).people == ("admin", "anna")
    answer("anna")
    assert recorded(store, answer).answered_by == "anna"
    assert check_approval.run(store, answer.settings, **RUN) == number
    assert promote.run(store, answer.settings, decision_id=number).kind == "promotion"
    assert problems_of(store, answer.settings) == ()
    dossier = export_dossier.run(store, decision_id=number).encode()
    assert verify_dossier.verify(dossier)["approval"]["answered_by"] == "anna"


def test_a_rejection_by_one_ends_it(store, decided, under):
    answer = under(quorum=3)
    answer("mlops")
    assert answer("admin", "rejected", reason="storm days").response == "rejected"
    with pytest.raises(ApprovalVoid, match="has answered already"):
        answer("anna")
    assert check_approval.run(store, answer.settings, **RUN) is None
    assert problems_of(store, answer.settings) == ()


def test_a_vote_that_was_never_followed_is_no_approval(store, under, decided):
    answer = under(quorum=2)
    answer("mlops")
    assert check_approval.run(store, answer.settings, **RUN) is None
    assert recorded(store, answer).response == "void", "the task of the second vote was marked as done by hand"


def test_each_list_must_give_a_vote(store, decided, under):
    answer = under(quorum=2, lists={"risk": ("anna",)})
    answer("mlops")
    assert check_approval.respondents(store, answer.settings, **RUN).people == ("anna",)
    with pytest.raises(AnswerRefused, match="must come from: risk"):
        answer("admin")
    assert recorded(store, answer) is None, "nothing was recorded"
    answer("anna")
    assert check_approval.run(store, answer.settings, **RUN) == answer.number


def delegated(store, principal, to, until=NOW + timedelta(days=7)):
    return delegate.run(store, person=principal, delegate=to, until=until, provenance={"channel": "command line"})


def test_a_delegate_counts_in_the_approver_s_place_until_the_end(store, decided, under):
    answer = under(quorum=2)
    delegated(store, "admin", "deputy")
    assert "deputy" in check_approval.respondents(store, answer.settings, **RUN).people
    answer("deputy")
    with pytest.raises(AnswerRefused, match="the approval of admin is there already"):
        answer("admin")
    answer("mlops")
    assert problems_of(store, answer.settings) == ()
    number = answer.number
    promote.run(store, answer.settings, decision_id=number)
    assert verify_dossier.verify(export_dossier.run(store, decision_id=number).encode())


@pytest.mark.parametrize("until", [NOW + timedelta(days=1), NOW - timedelta(days=1)])
def test_a_delegation_that_has_ended_or_was_ended_counts_no_more(store, decided, under, until):
    answer = under()
    delegated(store, "admin", "deputy", NOW + timedelta(days=1))
    delegated(store, "admin", "deputy", until)
    late = NOW + timedelta(days=1, hours=1)
    response = answer("deputy", answered_at=late) if until > NOW else answer("deputy")
    assert (response.response, "not among the approvers" in response.reason) == ("void", True)


def test_the_requester_s_delegate_may_not_approve(store, settings, under, decided):
    answer = under()
    delegated(store, "mlops", "deputy")
    response = ApprovalResponse(
        decision_id=answer.number,
        response="approved",
        answered_by="deputy",
        evidence_hash=answer.question.evidence_hash,
    )
    problem = record_approval.input_error(store, answer.settings, response, ("mlops", "retrain/1"))
    assert problem == "mlops asked for this promotion, and a delegate may not approve it either"


def test_a_delegation_to_oneself_or_without_an_end_is_refused(store):
    for to, until in (("admin", NOW), ("deputy", NOW + timedelta(days=400))):
        with pytest.raises(BadInput):
            delegated(store, "admin", to, until)


def test_the_second_list_may_answer_once_the_request_has_escalated(store, decided, under):
    answer = under(escalate_to=("chief",))
    early = answer.settings.policy.approval.approvers_after(timedelta(hours=35))
    late = answer.settings.policy.approval.approvers_after(timedelta(hours=36))
    assert (early, late) == (THREE, (*THREE, "chief"))
    assert answer("chief", answered_at=datetime.now(UTC) + timedelta(hours=37)).response == "approved"


def test_an_alert_reminds_and_a_critical_one_escalates(store, under):
    answer = under(quorum=2, escalate_to=("chief",))
    answer("mlops")

    def alerts_at(hours):
        check_alerts.run(store, answer.settings, at=datetime.now(UTC) + timedelta(hours=hours))
        with store.begin() as connection:
            rows = connection.execute(
                text("SELECT kind, severity, body FROM alerts WHERE resolved_at IS NULL AND kind LIKE 'approval%'")
            )
            return {row.kind: (row.severity, row.body) for row in rows}

    assert alerts_at(23) == {}
    reminder = ("warning", "1 of 2 approvals are there; admin, anna may answer.")
    assert alerts_at(25) == {"approval_overdue": reminder}
    assert alerts_at(37) == {
        "approval_overdue": reminder,
        "approval_escalated": ("critical", "1 of 2 approvals are there; admin, anna, chief may answer."),
    }


def test_verify_counts_votes_and_delegations_itself(store, decided, under):
    answer = under(quorum=2)
    delegated(store, "admin", "deputy")
    answer("deputy")
    answer("mlops")
    changes = {
        'payload = replace(payload, \'"on_behalf_of":"admin"\', \'"on_behalf_of":"ghost"\') WHERE kind = \'vote\'': (
            "approval 2: a vote that it names is not recorded"
        ),
        'payload = replace(payload, \'"delegate":"deputy"\', \'"delegate":"x"\') WHERE kind = \'delegation\'': (
            "approval 2: admin had not delegated to deputy then"
        ),
        "payload = replace(payload, 'quorum\"\\:2', 'quorum\"\\:3') WHERE kind = 'approval'": (
            "approval 2 has no ledger row"
        ),
        "kind = 'note' WHERE kind = 'vote'": "approval 2: a vote that it names is not recorded",
    }
    for change, named in changes.items():
        with store.engine.connect() as connection:
            connection.execute(text("ALTER TABLE ledger DISABLE TRIGGER USER"))
            connection.execute(text(f"UPDATE ledger SET {change}"))
            problems = verify.records(connection)
            connection.rollback()
        assert named in problems, (change, problems)
    assert problems_of(store, answer.settings) == ()


@pytest.mark.parametrize(
    "rules",
    [
        {"quorum": 3},
        {"lists": {"a": ("admin",), "b": ("mlops",)}},
        {"lists": {"risk": ("stranger",)}},
        {"remind_at": 0.9},
    ],
)
def test_a_policy_that_nobody_can_fulfil_is_refused(rules):
    with pytest.raises(ValidationError):
        ApprovalPolicy(**rules)


def test_the_command_delegates_in_the_name_of_who_is_signed_in(store, decided, sign_in_as, monkeypatch):
    app = typer.Typer()
    commands.register(app)

    def typed(person, *words):
        monkeypatch.setattr(commands, "open_store", lambda: nullcontext((store, sign_in_as(person))))
        return CliRunner().invoke(app, ["approvals", *words])

    until = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M:%S}"
    assert isinstance(typed("viewer", "delegate", "--to", "deputy", "--until", until).exception, BadInput)
    assert "deputy may approve for mlops" in typed("mlops", "delegate", "--to", "deputy", "--until", until).stdout
    listed = typed("mlops", "list").stdout
    assert "1 more of 1 approvals needed" in listed
    assert "deputy may approve for mlops until" in listed
    with store.begin() as connection:
        (row,) = [entry.facts() for entry in ledger.entries(connection, ("delegation",))]
    assert (row["principal"], row["delegate"], row["provenance"]["channel"]) == ("mlops", "deputy", "command line")


def test_a_quorum_that_was_lowered_leaves_a_way_forward(store, under, changed):
    answer = under(quorum=2)
    answer("admin")
    lowered = changed(approval={"approvers": THREE, "quorum": 1})
    with pytest.raises(ApprovalIncomplete, match=f"1 of 2 approvals.*sentiment approve {answer.number}"):
        check_approval.run(store, lowered, **RUN)
    with store.begin() as connection:
        assert decisions.approval(connection, answer.number) is None, "neither void nor forged"
        assert alerts.list_alerts(connection, state="all") == []
    assert answer("mlops").response == "approved"
    assert check_approval.run(store, lowered, **RUN) == answer.number
    assert promote.run(store, lowered, decision_id=answer.number).to_version == 2


def test_the_request_says_who_may_promote_it(store, under):
    answer = under(quorum=1)
    with store.begin() as connection:
        record = decisions.full_record(connection, answer.number)
        approval_requests.store_request(connection, record, ["mlops"])
    found = check_approval.respondents(store, answer.settings, **RUN)
    assert found.people == THREE
    assert found.note == "May promote: admin, anna. May only reject, having asked for it: mlops."
