"""Whoever puts an older state of the database in place of the present one is told by the anchors, and gains nothing."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from sentiment_lib.errors import NotSignedIn
from sentiment_lib.steps.backup import record_restore
from sentiment_lib.steps.backup.manifest import BackupFile, Manifest
from sentiment_lib.steps.decisions import delegate
from sentiment_lib.steps.deployment import promote
from sentiment_lib.steps.operations import reconcile, sign_in, verify
from sentiment_lib.storage import alerts, approval_votes, ledger
from sentiment_lib.storage.engine import Store


@pytest.fixture
def older(store, settings, sign_in_as, postgres_server, database_url, tmp_path):
    """A copy of the database, and of its anchors, while admin is signed in and has a delegate; and admin's token."""
    token = sign_in_as("admin").token.get_secret_value()
    week = datetime.now(UTC) + timedelta(days=7)
    delegate.run(store, person="admin", delegate="platform", until=week, provenance={})
    reconcile.run(store, settings)
    with store.begin() as connection:
        end = ledger.head(connection)
    store.close()  # a database with sessions cannot be copied
    shutil.copy(settings.anchors_file, tmp_path / "older-anchors")
    with postgres_server.database(make_url(database_url).database) as url:
        copy = Store(url, anchors_file=settings.anchors_file)
        yield copy, end, token
        copy.close()


def problems_of(store, settings):
    return verify.run(store, settings, artefacts=False).problems


def test_an_older_database_contradicts_the_anchors_also_after_it_went_on(store, settings, decided, say, older):
    copy, end, _ = older
    sign_in.revoke_person(store, "admin")
    say(decided.question)
    promote.run(store, settings, decision_id=decided.decision.decision_id)
    reconcile.run(store, settings)
    assert problems_of(store, settings) == ()
    cut_off = f"the ledger ends at row {end.sequence}, but anchor"
    assert any(cut_off in problem for problem in problems_of(copy, settings)), "as long as nothing is appended"
    with copy.begin() as connection:
        for number in range(20):
            ledger.append(connection, "note", {"number": number})
    assert any(
        "is another, but anchor" in problem and "truncated or rewritten" in problem
        for problem in problems_of(copy, settings)
    )


def test_a_restore_brings_no_revoked_token_or_ended_delegation_back_and_is_loud(settings, decided, older, tmp_path):
    copy, end, token = older
    now = datetime.now(UTC).replace(microsecond=0)
    backup = Manifest(
        name="20260101T000000Z",
        as_of=now,
        release="0",
        revision="0",
        sequence=end.sequence,
        entry_hash=end.entry_hash,
        databases=(),
        files=(),
        keys=BackupFile(name="keys", size_bytes=1, sha256="0" * 64),
        archived=0,
        vanished=0,
    )
    shutil.copy(tmp_path / "older-anchors", settings.anchors_file)
    record_restore.run(copy, backup)
    with pytest.raises(NotSignedIn):
        sign_in.verify_token(copy, token)
    with copy.begin() as connection:
        assert approval_votes.active_delegations(connection, datetime.now(UTC)) == []
    assert problems_of(copy, settings) == ()
    with copy.begin() as connection:
        (alert,) = [one for one in alerts.list_alerts(connection) if one.kind == record_restore.ALERT]
        (row,) = ledger.entries(connection, (record_restore.KIND,))
        assert connection.execute(text("SELECT count(*) FROM person_tokens WHERE revoked_at IS NULL")).scalar_one() == 0
    assert (alert.severity, f"row {end.sequence} of the ledger" in alert.body) == ("critical", True)
    ended = (row.facts()["backup"], row.facts()["tokens_revoked"], row.facts()["delegations_ended"])
    assert ended == (backup.name, 1, 1)


def test_a_copy_of_the_anchors_tells_a_restore_of_an_older_backup(store, settings, decided, older, tmp_path):
    copy, end, _ = older
    with store.begin() as connection:
        ledger.append(connection, "note", {})
    reconcile.run(store, settings)
    elsewhere = tmp_path / "elsewhere"
    shutil.copy(settings.anchors_file, elsewhere)
    shutil.copy(tmp_path / "older-anchors", settings.anchors_file)
    assert problems_of(copy, settings) == ()
    copy.anchors_file = elsewhere
    assert any(f"the ledger ends at row {end.sequence}" in problem for problem in problems_of(copy, settings))
