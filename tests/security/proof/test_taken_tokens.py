"""Nobody takes over another's token, and no made-up name hides who made it up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from sentiment_lib.errors import NotSignedIn
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.steps.operations import sign_in, verify
from sentiment_lib.storage import approval_requests, decisions, ledger


def change(owner, statement):
    """As the owner of the database, without the key."""
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(statement))


@pytest.mark.parametrize(
    ("column", "value"), [("token_hash", "sha256('st_mine')"), ("expires_at", "expires_at + interval '9 years'")]
)
def test_a_token_that_was_changed_is_nobodys_and_named(store, settings, sign_in_as, owner, column, value):
    token = sign_in_as("admin").token.get_secret_value()
    assert verify.run(store, settings, artefacts=False).problems == ()
    change(owner, f"UPDATE person_tokens SET {column} = {value}")
    for given in (token, "st_mine"):
        with pytest.raises(NotSignedIn):
            sign_in.verify_token(store, given)
    assert f"token 1 of admin was changed: {column}" in verify.run(store, settings, artefacts=False).problems


def test_a_token_that_nobody_issued_and_an_undone_revocation_are_named(store, settings, sign_in_as, owner):
    sign_in_as("admin")
    sign_in.revoke_person(store, "admin")
    token = sign_in_as("admin").token.get_secret_value()
    assert verify.run(store, settings, artefacts=False).problems == ()
    change(owner, "UPDATE person_tokens SET revoked_at = NULL")
    change(
        owner,
        "INSERT INTO person_tokens (name, token_hash, issued_by, os_user, created_at, expires_at) "
        "SELECT name, 'x', issued_by, os_user, created_at, expires_at FROM person_tokens WHERE token_id = 2",
    )
    assert set(verify.run(store, settings, artefacts=False).problems) == {
        "token 1 of admin was revoked, and its row says that it is in use",
        "token 3 of admin has no ledger row",
    }
    assert sign_in.verify_token(store, token).name == "admin"


def test_a_token_of_a_release_without_hashes_in_the_ledger_stays_in_use(store, settings, sign_in_as, monkeypatch):
    append = ledger.append

    def earlier(connection, kind, facts):
        return append(connection, kind, {name: value for name, value in facts.items() if name != "token_hash"})

    with monkeypatch.context() as release:
        release.setattr(ledger, "append", earlier)
        token = sign_in_as("admin").token.get_secret_value()
    assert sign_in.verify_token(store, token).name == "admin"
    assert verify.run(store, settings, artefacts=False).problems == ()


def test_who_gave_the_command_is_recorded_in_the_transaction_of_the_decision(store, decided):
    with store.begin() as connection:
        record = decisions.full_record(connection, decided.decision.decision_id)
        evidence = replace(Evidence.from_json(record.evidence), looks_before=9)
        ledger.append(connection, "token_issued", {"token_id": 9, "name": "retrain/x", "issuer": "mlops"})
        decision = decisions.store(
            connection, evidence, policy=record.policy, requested_by="retrain/x", people=["retrain/x"]
        )
        assert approval_requests.recorded_requesters(connection, decision.decision_id) == {"retrain/x", "mlops"}
        # without its row, as an earlier release left it
        assert approval_requests.people_behind(connection, "retrain/x", ()) == {"retrain/x", "mlops"}
