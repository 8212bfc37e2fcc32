"""A verification goes on where a signed one ended: nobody else can say so, and nothing that came or went is missed."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from sentiment_lib.steps.deployment import promote
from sentiment_lib.steps.operations import reconcile, verify, verify_all
from sentiment_lib.storage import alerts, anchors, ledger, verified_points


@pytest.fixture
def promoted(store, settings, decided, say):
    say(decided.question)
    promote.run(store, settings, decision_id=decided.decision.decision_id)
    return decided


@pytest.fixture
def verified(store, settings, promoted):
    """The point of a verification of everything."""
    assert verify.run(store, settings, record=True).problems == ()
    return point(store)


def point(store):
    with store.begin() as connection:
        return verified_points.newest(connection)


def note(store):
    with store.begin() as connection:
        return ledger.append(connection, "note", {"number": 1})


def problems_after(store, settings, since, *statements):
    """What the next verification says of the records after a change by the owner, guards off; it is taken back."""
    with store.engine.connect() as connection:
        connection.execute(text("ALTER TABLE ledger DISABLE TRIGGER USER"))
        for statement in statements:
            connection.execute(text(statement))
        found = verify.records(connection, since) + anchors.broken(connection, settings.anchors_file, since)
        connection.rollback()
    return found


def test_a_verification_goes_on_and_is_recorded_once_for_what_is_new(store, settings, verified):
    result = verify.run(store, settings, whole=False, record=True)
    assert (result.problems, result.since) == ((), verified)
    assert point(store) == verified, "nothing was new"
    note(store)
    reconcile.run(store, settings)
    assert verify.run(store, settings, whole=False, record=True).problems == ()
    later = point(store)
    assert later.sequence > verified.sequence
    assert later.anchor > verified.anchor
    assert (later.whole_at, later.package, later.file) == (verified.whole_at, verified.package, verified.file)


CHANGES = [
    ("DELETE FROM ledger WHERE sequence >= {point}", "is not the one up to which the ledger was verified"),
    ("UPDATE ledger SET payload = '{{}}' WHERE sequence = {point}", "up to which the ledger was verified"),
    ("UPDATE ledger SET payload = '{{}}' WHERE sequence = {new}", "ledger row {new} (note) was changed"),
    ("DELETE FROM ledger WHERE sequence = {new}", "ledger rows {new} to {new} are missing"),
    ("DELETE FROM decisions WHERE decision_id = 1", "decision: rows up to 1 came or went"),
    ("DELETE FROM deployments WHERE deployment_id = 1", "deployment: rows up to 2 came or went"),
    (
        "INSERT INTO deployments (kind, from_version, to_version, reason, state, finished_at) "
        "VALUES ('rollback', 2, 1, 'quietly', 'done', now())",
        "deployment 3 has no ledger row",
    ),
    (
        "INSERT INTO snapshots (content_hash, split_at, train_rows, holdout_rows, uri, policy) "
        "VALUES ('x', now(), 1, 1, 'chunks', '{{}}')",
        "snapshot 2 has no ledger row",
    ),
]


def test_what_is_new_missing_or_cut_off_is_found(store, settings, verified):
    new = note(store).sequence
    note(store)
    named = {"point": verified.sequence, "new": new}
    for statement, problem in CHANGES:
        trigger_off = "SET LOCAL session_replication_role = replica"
        found = problems_after(store, settings, verified, trigger_off, statement.format(**named))
        assert any(problem.format(**named) in one for one in found), (statement, found)
    assert problems_after(store, settings, verified) == []


def test_a_change_of_what_was_verified_is_found_by_reading_everything(store, settings, verified):
    change = "UPDATE decisions SET rules = '[]'"
    assert problems_after(store, settings, verified, change) == []
    assert any("decision 1 was changed: rules" in one for one in problems_after(store, settings, None, change))


def test_nobody_without_the_key_can_say_that_something_was_verified(store, owner, settings, verified):
    with owner.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ledger SELECT sequence + 1, kind, payload, entry_hash, repeat('0', 64), recorded_at, "
                "signature FROM ledger WHERE kind = 'verified'"
            )
        )
    assert point(store) == verified
    found = verify.run(store, settings, whole=False, record=True).problems
    assert any("was changed: its content does not give its hash" in one for one in found)
    assert point(store) == verified, "a verification with problems is no point"


def test_the_nightly_verification_opens_an_alert_and_resolves_it(store, owner, settings, promoted):
    def is_open():
        with store.begin() as connection:
            return alerts.open_keys(connection, (verify_all.VERIFY,)) != []

    with owner.begin() as connection:
        connection.execute(text("UPDATE decisions SET policy = policy || '{\"x\": 1}'"))
    assert not verify_all.run(store, settings).ok
    assert (is_open(), point(store)) == (True, None)
    with owner.begin() as connection:
        connection.execute(text("UPDATE decisions SET policy = policy - 'x'"))
    assert verify_all.run(store, settings).ok
    assert (is_open(), point(store) is not None) == (False, True)
