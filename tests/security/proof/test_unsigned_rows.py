"""Rows of the ledger that the platform did not sign count for nothing, also in a ledger that was once unsigned."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError

from sentiment_lib import verify_dossier
from sentiment_lib.errors import ApprovalVoid, NotSignedIn, RecordForged
from sentiment_lib.hashing import canonical_json
from sentiment_lib.steps.decisions import check_approval, export_dossier
from sentiment_lib.steps.deployment import promote
from sentiment_lib.steps.operations import sign_in, verify
from sentiment_lib.storage import anchors, audit, grants, ledger, model_versions, signed_moves
from sentiment_lib.storage.engine import Store
from tests.conftest import as_role

RUN = {"requested_by": "retrain/1"}


def add_row(connection, kind, payload, signature=None):
    """Insert a row that follows the last one, without a key."""
    last, now = ledger.head(connection), datetime.now(UTC)
    place = (last.sequence + 1, kind, payload, last.entry_hash)
    values = (*place, ledger.entry_hash(*place, now), now, signature)
    names = ("sequence", "kind", "payload", "previous_hash", "entry_hash", "recorded_at", "signature")
    insert = f"INSERT INTO ledger ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"
    connection.execute(text(insert), dict(zip(names, values, strict=True)))


def approve_without_key(connection):
    """An approval of decision 1 by an approver, with the rows that the platform would record."""
    now = datetime.now(UTC)
    decision = connection.execute(text("SELECT * FROM decisions WHERE decision_id = 1")).mappings().one()
    answer = {"answered_by": "admin", "answered_at": now, "reason": "x", "evidence_hash": decision["evidence_hash"]}
    number = connection.execute(
        text(
            "INSERT INTO approvals (decision_id, response, answered_by, answered_at, reason, evidence_hash) "
            "VALUES (1, 'approved', :answered_by, :answered_at, :reason, :evidence_hash) RETURNING approval_id"
        ),
        answer,
    ).scalar_one()
    said = {"approval_id": number, "decision_id": 1, "answer": "approved", **answer, "approvers": ["admin"]}
    add_row(connection, "approval", canonical_json(said))


def issue_token_without_key(connection):
    number = connection.execute(
        text(
            "INSERT INTO person_tokens (name, token_hash, issued_by, os_user, created_at, expires_at) "
            "VALUES ('admin', sha256('st_mine'), 'airflow', 'x', now(), now() + interval '1 day') RETURNING token_id"
        )
    ).scalar_one()
    facts = {"token_id": number, "name": "admin", "issued_by": "airflow", "os_user": "x"}
    add_row(connection, "token_issued", canonical_json({**facts, "expires_at": datetime.now(UTC) + timedelta(days=1)}))


def move_without_key(connection):
    move = {"deployment_id": 77, "kind": "forced", "from_version": 1, "to_version": 2, "moved_by": "admin"}
    add_row(connection, "forced.intent", canonical_json(move))
    add_row(connection, "forced.done", canonical_json({"deployment_id": 77, "to_version": 2}))


FORGERIES = (approve_without_key, issue_token_without_key, move_without_key)


@pytest.fixture
def once_unsigned(store, settings, decided, owner):
    """The ledger of an installation that is older than the signatures, after its upgrade."""
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE ledger SET signature = NULL"))
    with store.begin() as connection:
        ledger.append_checkpoint(connection)
        signed_moves.restate(connection)
    assert verify.run(store, settings, artefacts=False).problems == ()


def test_the_database_takes_no_unsigned_row_below_signed_ones(once_unsigned, database_url):
    app = Store(as_role(database_url, grants.APP))
    for forge in FORGERIES:
        with pytest.raises(IntegrityError, match="is not signed"), app.begin() as connection:
            forge(connection)
    app.close()


def test_an_unsigned_row_below_the_checkpoint_counts_for_nothing(
    store, settings, once_unsigned, say, decided, owner, database_url
):
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for forge in FORGERIES:
            forge(connection)
    for role in grants.ROLES:
        reader = Store(as_role(database_url, role))
        with reader.begin() as connection:
            assert model_versions.champion(connection).version == 1
        reader.close()
    with pytest.raises(NotSignedIn):
        sign_in.verify_token(store, "st_mine")
    with pytest.raises(RecordForged, match="approval in the database has no signed row"):
        export_dossier.run(store, decision_id=1)
    assert check_approval.run(store, settings, **RUN) is None
    with pytest.raises(ApprovalVoid, match="no signed row"):
        promote.run(store, settings, decision_id=1)


@pytest.mark.parametrize(
    ("payload", "error", "problem"),
    [
        ("not json", DataError, "invalid input syntax for type json"),
        ("[]", IntegrityError, "no JSON object"),
        (f'{{"a":"{"x" * 2**20}"}}', IntegrityError, "too large"),
    ],
)
def test_the_database_takes_no_row_that_its_readers_cannot_read(decided, database_url, payload, error, problem):
    app = Store(as_role(database_url, grants.APP))
    with pytest.raises(error, match=problem), app.begin() as connection:
        add_row(connection, "decision", payload, "x:AAAA")
    app.close()


def test_rows_without_a_valid_signature_hide_no_change_from_verify(store, settings, decided, owner, database_url):
    app = Store(as_role(database_url, grants.APP))
    unreadable, explaining = f'{{"decision_id":{"9" * 5000}}}', canonical_json({"decision_id": 1, "requested_by": "x"})
    with app.begin() as connection:
        for kind in ("decision", "approval", "snapshot", "evaluation", "token_issued", "forged_approval"):
            add_row(connection, kind, unreadable, "x:AAAA")
        add_row(connection, "decision", explaining, "x:AAAA")
    app.close()
    assert json.loads(export_dossier.run(store, decision_id=1))["dossier"]["decision"]["requested_by"] == "retrain/1"
    with owner.begin() as connection:
        connection.execute(text("UPDATE decisions SET requested_by = 'x'"))
    problems = verify.run(store, settings, artefacts=False).problems
    assert "decision 1 was changed: requested_by" in problems
    assert not [problem for problem in problems if "cannot be read" in problem]


def test_rows_without_signatures_begin_no_dossier(store, settings, decided, owner, say, tmp_path):
    say(decided.question)
    anchors.append(store)
    number = decided.decision.decision_id
    good = json.loads(export_dossier.run(store, decision_id=number))["dossier"]
    assert len(good["entries"]) > 2
    for entry in good["entries"][:-1]:
        entry["signature"] = None
    forged = {"dossier": good, "signature": settings.key_ring.sign("dossier", good)}
    with pytest.raises(verify_dossier.Refused, match="no checkpoint of the rows above it"):
        verify_dossier.verify(verify_dossier.canonical(forged) + b"\n")
    with owner.begin() as connection:
        connection.execute(text("UPDATE decisions SET policy = '{}'"))
    with pytest.raises(RecordForged, match="is not what was recorded: policy"):
        export_dossier.run(store, decision_id=number)


def test_verify_sees_one_moment_while_others_write(store, settings, decided, decide_again, monkeypatch):
    checked = ledger.broken

    def meanwhile(connection, **given):
        found = checked(connection, **given)
        decide_again("retrain/2")  # committed between the check of the chain and that of the facts
        return found

    monkeypatch.setattr(ledger, "broken", meanwhile)
    facts = audit.facts_against_ledger

    def later(connection, **given):
        before = [entry.sequence for entry in ledger.entries(connection)]
        decide_again("retrain/3")
        assert [entry.sequence for entry in ledger.entries(connection)] == before
        return facts(connection, **given)

    monkeypatch.setattr(audit, "facts_against_ledger", later)
    assert verify.run(store, settings, artefacts=False).problems == ()
