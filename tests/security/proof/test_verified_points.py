"""A verification goes on where a signed one ended: nobody else can say so, and nothing that came or went is missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import text

from sentiment_lib.steps.deployment import promote
from sentiment_lib.steps.operations import airflow_responses, reconcile, verify, verify_all
from sentiment_lib.steps.training import snapshot
from sentiment_lib.storage import alerts, anchors, ledger, verified_points


@pytest.fixture
def promoted(store, settings, decided, say):
    say(decided.question)
    promote.run(store, settings, decision_id=decided.decision.decision_id)
    return decided


@pytest.fixture
def verified(store, settings, promoted):
    """The point of a verification of everything."""
    reconcile.run(store, settings)
    assert verify.run(store, settings, record=True).problems == ()
    return point(store)


def point(store, **given):
    with store.begin() as connection:
        return verified_points.newest(connection, **given)


def note(store):
    with store.begin() as connection:
        return ledger.append(connection, "note", {"number": 1})


def problems_after(store, settings, *statements, whole=False):
    """What a verification that may go on says of the records after a change by the owner, guards off; it is undone."""
    with store.engine.connect() as connection:
        connection.execute(text("ALTER TABLE ledger DISABLE TRIGGER USER"))
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            connection.execute(text(statement))
        since = None if whole else verified_points.newest(connection)
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
    assert later.anchors > verified.anchors
    assert (later.whole_at, later.packages, later.files) == (verified.whole_at, verified.packages, verified.files)


CHANGES = [
    ("UPDATE ledger SET payload = '{{}}' WHERE sequence = {point}", "ledger row {point} ("),
    ("UPDATE ledger SET payload = '{{}}' WHERE sequence = 2", "ledger row 2"),
    ("UPDATE ledger SET payload = '{{}}' WHERE sequence = {new}", "ledger row {new} (note) was changed"),
    ("DELETE FROM ledger WHERE sequence = {new}", "ledger rows {new} to {new} are missing"),
    ("DELETE FROM ledger WHERE sequence >= {point}", "the ledger was truncated or rewritten"),
    ("DELETE FROM decisions WHERE decision_id = 1", "decision 1 is in the ledger, and its row is gone"),
    ("DELETE FROM deployments WHERE deployment_id = 1", "deployment 1 is in the ledger, and its row is gone"),
    ("UPDATE decisions SET rules = '[]'", "decision 1 was changed: rules"),
    ("UPDATE evaluations SET evidence = '{{}}'", "decision 1: its hash is not that of its evidence"),
    ("UPDATE model_versions SET training = '{{}}'", "its training record is not the one of evaluation 1"),
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


def test_what_is_new_changed_missing_or_cut_off_is_found(store, settings, verified):
    new = note(store).sequence
    note(store)
    named = {"point": verified.sequence, "new": new}
    for statement, problem in CHANGES:
        found = problems_after(store, settings, statement.format(**named))
        assert any(problem.format(**named) in one for one in found), (statement, found)
    assert problems_after(store, settings) == []
    lines = settings.anchors_file.read_text().splitlines()
    settings.anchors_file.write_text("\n".join([lines[0].replace(":1", ":2", 1), *lines[1:]]) + "\n")
    assert any("anchor 1 does not verify" in one for one in problems_after(store, settings))
    settings.anchors_file.unlink()
    assert any("they were there when they were verified" in one for one in problems_after(store, settings))


def test_a_change_by_right_of_what_was_verified_is_no_problem(store, settings, verified):
    assert problems_after(store, settings, "UPDATE retrain_requests SET run_id = 'x'") == []


def test_frozen_rows_and_files_that_were_verified_are_read_again_by_a_whole_verification(store, settings, verified):
    change = "UPDATE frozen_rows SET label = 'neutral'"
    assert problems_after(store, settings, change) == []
    assert any(
        "its rows in the database were changed" in one for one in problems_after(store, settings, change, whole=True)
    )
    path = next((settings.snapshots / "chunks").glob("*.parquet"))
    path.write_bytes(b"x")
    assert verify.run(store, settings, whole=False).problems == ()
    assert any("was changed" in one for one in verify.run(store, settings).problems)


def test_a_large_number_hides_no_chunk_that_comes_later(store, settings, verified, add_tweets):
    with store.begin() as connection:
        query = "SELECT 1000000, repeat('a', 64), part, leaves FROM snapshot_chunks LIMIT 1"
        connection.execute(text(f"INSERT INTO snapshot_chunks OVERRIDING SYSTEM VALUE {query}"))
    note(store)
    assert verify.run(store, settings, whole=False, record=True).problems == ()
    add_tweets(10)
    snapshot.run(store, settings)
    change = (
        "UPDATE frozen_rows SET label = CASE label WHEN 'neutral' THEN 'negative' ELSE 'neutral' END "
        "WHERE row_id = (SELECT max(row_id) FROM frozen_rows)"
    )
    assert any("its rows in the database were changed" in one for one in problems_after(store, settings, change))
    assert verify.run(store, settings, whole=False, record=True).problems == ()


def test_a_chunk_or_a_version_that_slips_in_below_is_read(store, verified):
    def read(*statements):
        with store.engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
            return [
                verified_points.read_chunks(connection, verified.chunks),
                verified_points.read_packages(connection, verified.packages),
            ]

    assert all(read())
    chunk = "SELECT 0, repeat('a', 64), part, leaves FROM snapshot_chunks LIMIT 1"
    assert not any(
        read(
            f"INSERT INTO snapshot_chunks OVERRIDING SYSTEM VALUE {chunk}",
            "INSERT INTO snapshot_contents VALUES (1, 99, 0)",
            "INSERT INTO model_versions (version, family, digest, run_id, training_key) VALUES (0, 'x', 'x', 'x', 'x')",
        )
    )


NUMBERED_BELOW_ONE = [
    (
        "ALTER TABLE ledger DROP CONSTRAINT ck_ledger_sequence",
        "INSERT INTO ledger SELECT -1, kind, payload, previous_hash, repeat('1', 64), recorded_at, signature "
        "FROM ledger WHERE sequence = 1",
        "ledger rows 1 to -2 are missing",
    ),
    (
        "ALTER TABLE deployments ALTER deployment_id DROP IDENTITY",
        "INSERT INTO deployments (deployment_id, kind, from_version, to_version, reason, state, finished_at) "
        "VALUES (-1, 'rollback', 2, 1, 'quietly', 'done', now())",
        "deployment -1 has no ledger row",
    ),
]


def test_neither_numbers_below_one_nor_a_cast_hide_a_change(store, settings, verified):
    for whole, (*statements, problem) in product((True, False), NUMBERED_BELOW_ONE):
        found = problems_after(store, settings, *statements, whole=whole)
        assert any(problem in one for one in found), found
    found = problems_after(
        store,
        settings,
        "CREATE TABLE said AS SELECT sequence, CAST(r AS text) AS line FROM ledger r",
        "CREATE FUNCTION say_before(r ledger) RETURNS text LANGUAGE sql "
        "AS 'SELECT line FROM said WHERE said.sequence = r.sequence'",
        "CREATE CAST (ledger AS text) WITH FUNCTION say_before(ledger)",
        "UPDATE ledger SET payload = '{}' WHERE sequence = 2",
    )
    assert any("ledger row 2" in one for one in found), found


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


def test_without_a_point_that_counts_everything_is_read(store, settings, verified, keys, monkeypatch):
    assert point(store, at=datetime.now(UTC) + verified_points.LONGEST + timedelta(hours=1)) is None
    assert point(store, at=datetime.now(UTC) - timedelta(hours=1)) is None
    with monkeypatch.context() as upgraded:
        upgraded.setattr(verified_points, "release", lambda: "99")
        assert point(store) is None
    for kind, facts in ((verified_points.KIND, {"of": "another release"}), (verified_points.RESTORED, {})):
        with store.begin() as connection:
            ledger.append(connection, kind, facts)
        assert point(store) is None
        assert verify.run(store, settings, artefacts=False, whole=False, record=True).since is None
        assert point(store) is not None
    with monkeypatch.context() as away:
        away.setattr(airflow_responses, "compare", lambda *_: ([], ["3 answers"]))
        latest = note(store).sequence
        assert verify.run(store, settings, whole=False, record=True).ok
    assert point(store).sequence < latest, "what could not be checked was not verified"
    keys.rotate()
    assert point(store) is None
    assert verify.run(store, settings, whole=False, record=True).since is None


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
