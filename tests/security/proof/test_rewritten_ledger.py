"""Somebody with every right on the database, and without the signing key, cannot rewrite the ledger unnoticed."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from benchmarks.tampering.ledger_edits import replace_ledger
from sentiment_lib.hashing import canonical_json
from sentiment_lib.signing import KeyRing
from sentiment_lib.steps.deployment import promote
from sentiment_lib.steps.operations import reconcile, verify
from sentiment_lib.storage import anchors, ledger


@pytest.fixture
def promoted(store, settings, decided, say):
    say(decided.question)
    promote.run(store, settings, decision_id=decided.decision.decision_id)
    return decided


def rewrite(connection, change=lambda entry: entry, *, ring=None):
    """Replace the ledger by its changed entries (None: left out), numbered and chained anew; signed with `ring`."""
    changed = [entry for entry in map(change, list(ledger.entries(connection))) if entry]
    connection.execute(text("ALTER TABLE ledger DISABLE TRIGGER USER"))
    replace_ledger(connection, changed, ring)
    connection.execute(text("ALTER TABLE ledger ENABLE TRIGGER USER"))


def in_another_name(entry):
    return replace(entry, payload=entry.payload.replace('_by":"mlops"', '_by":"ghost"'))


def problems_of(store, settings):
    return verify.run(store, settings, artefacts=False).problems


def assert_named(problems, part):
    assert any(part in problem for problem in problems), problems


def test_a_clean_ledger_verifies_and_every_row_is_signed(store, settings, promoted):
    assert problems_of(store, settings) == ()
    with store.begin() as connection:
        assert all(entry.signature for entry in ledger.entries(connection))


def test_a_chain_that_the_owner_rewrote_and_recomputed_is_found(store, settings, promoted):
    with store.begin() as connection:
        connection.execute(text("UPDATE approvals SET answered_by = 'ghost'"))
        connection.execute(text("UPDATE deployments SET moved_by = 'ghost' WHERE moved_by = 'mlops'"))
        rewrite(connection, in_another_name)
    problems = problems_of(store, settings)
    assert_named(problems, "(approval) has no valid signature")
    assert_named(problems, "is by ghost, no approver in the policy of that day")
    assert_named(problems, "is another, but anchor 2 names row")


def test_a_chain_signed_anew_with_another_key_is_found(store, settings, promoted, tmp_path):
    with store.begin() as connection:
        rewrite(connection, ring=KeyRing(tmp_path / "attacker"))
    assert_named(
        problems_of(store, settings), "ledger row 1 (training) has no valid signature: it is signed with an unknown"
    )


def test_a_ledger_without_signatures_is_found(store, settings, promoted):
    with store.begin() as connection:
        rewrite(connection, lambda entry: replace(entry, signature=None))
    assert_named(problems_of(store, settings), "no ledger row is signed")


def test_signatures_removed_from_the_first_rows_are_found(store, settings, promoted):
    with store.begin() as connection:
        rewrite(connection, lambda entry: replace(entry, signature=None) if entry.sequence < 4 else entry)
    assert_named(problems_of(store, settings), "is the first signed row and no checkpoint")


def test_an_unsigned_row_that_was_added_is_found(store, settings, promoted):
    with store.begin() as connection:
        entry = ledger.append(connection, "note", {})
        connection.execute(text("ALTER TABLE ledger DISABLE TRIGGER USER"))
        connection.execute(
            text("UPDATE ledger SET signature = NULL WHERE sequence = :number"), {"number": entry.sequence}
        )
    assert_named(problems_of(store, settings), f"ledger row {entry.sequence} (note) is not signed")


def test_two_rows_that_changed_places_are_found(store, settings, promoted):
    def swap(entry):
        return {2: entries[3], 3: entries[2]}.get(entry.sequence, entry)

    with store.begin() as connection:
        entries = {entry.sequence: entry for entry in ledger.entries(connection)}
        rewrite(connection, swap)
    problems = problems_of(store, settings)
    for number in (2, 3):
        assert_named(problems, f"ledger row {number} ({entries[5 - number].kind}) has no valid signature")
    assert_named(problems, "is dated before the row above it")


def test_a_truncated_ledger_is_found_through_its_anchors(store, settings, promoted):
    reconcile.run(store, settings)
    with store.begin() as connection:
        end = ledger.head(connection).sequence
        connection.execute(text("ALTER TABLE ledger DISABLE TRIGGER USER"))
        connection.execute(text("DELETE FROM ledger WHERE sequence = :end"), {"end": end})
        assert ledger.broken(connection) == [], "the chain alone does not show it"
    assert_named(problems_of(store, settings), f"the ledger ends at row {end - 1}, but anchor 2 names row {end}")


def test_rows_of_another_year_are_found(store, settings, promoted):
    for year, part in ((2031, "is dated in the future"), (2020, "is dated before the row above it")):
        with store.engine.connect() as connection:
            key_holder = KeyRing(settings.key_ring.folder)
            rewrite(
                connection,
                lambda entry, year=year: (
                    replace(entry, recorded_at=datetime(year, 1, 1, tzinfo=UTC)) if entry.sequence == 4 else entry
                ),
                ring=key_holder,  # even with the key
            )
            problems = verify.records(connection)
            connection.rollback()
        assert_named(problems, part)


def test_an_approval_dated_before_its_decision_or_after_its_record_is_found(store, settings, promoted):
    for change, part in (
        ("- interval '1 day'", "before its decision"),
        ("+ interval '1 day'", "after it was recorded"),
    ):
        with store.engine.connect() as connection:
            connection.execute(text(f"UPDATE approvals SET answered_at = answered_at {change}"))
            problems = verify.records(connection)
            connection.rollback()
        assert_named(problems, f"approval 1 is dated {part}")


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("UPDATE decisions SET policy = policy || '{\"gate\": {}}'", "decision 1 was changed: policy"),
        ("UPDATE decisions SET decided_at = decided_at - interval '1 s'", "decision 1 was changed: decided_at"),
        ("UPDATE evaluations SET created_at = '2020-01-01Z'", "evaluation 1 was changed: created_at"),
        (
            "UPDATE deployments SET finished_at = '2020-01-01Z' WHERE deployment_id = 2",
            "deployment 2 was changed: finished",
        ),
        ("UPDATE model_versions SET training = '{}' WHERE version = 2", "training 2 was changed: training"),
        ("UPDATE model_versions SET training_key = 'x' WHERE version = 2", "training 2 was changed: training_key"),
        ("UPDATE snapshots SET policy = '{}'", "snapshot 1 was changed: policy"),
    ],
)
def test_columns_beside_the_decision_are_recorded_too(store, settings, promoted, statement, part):
    with store.begin() as connection:
        connection.execute(text(statement))
    assert_named(problems_of(store, settings), part)


@pytest.mark.parametrize("payload", ["{", "[]", "{}"])
def test_a_row_that_cannot_be_read_is_named_and_stops_no_other_check(store, settings, promoted, payload):
    with store.begin() as connection:
        connection.execute(text("ALTER TABLE ledger DISABLE TRIGGER USER"))
        statement = "UPDATE ledger SET payload = :payload WHERE kind IN ('approval', 'anchor')"
        connection.execute(text(statement), {"payload": payload})
        connection.execute(text("UPDATE evaluations SET evidence = evidence || ' '"))
    problems = problems_of(store, settings)
    assert_named(problems, "(approval) was changed: its content does not give its hash")
    assert_named(problems, "decision 1: its hash is not that of its evidence")
    assert_named(problems, "approval 1 has no ledger row")


def test_the_approvers_of_that_day_count_and_not_today_s(store, settings, promoted, changed):
    later = changed(approval={"approvers": ("somebody_else",)})
    assert problems_of(store, later) == ()


def test_rotated_keys_and_their_entries_verify(store, settings, promoted, keys):
    keys.rotate()
    with store.begin() as connection:
        ledger.append(connection, "note", {})
    reconcile.run(store, settings)
    assert problems_of(store, settings) == ()


@pytest.fixture
def retired(settings, promoted, keys, tmp_path):
    """A copy of the key that signed so far; the platform has rotated it."""
    attacker, key = KeyRing(tmp_path / "attacker"), keys.public_keys()[-1]
    attacker.folder.mkdir()
    shutil.copy(keys.folder / f"{key.key_id}.pem", attacker.folder)
    attacker.public_keys_file.write_text(canonical_json([asdict(key)]))
    keys.rotate()
    return attacker


def test_a_row_signed_with_a_retired_key_is_found(store, settings, retired):
    with store.engine.connect() as connection:
        entry = ledger.append(connection, "note", {})
        last, late = entry.sequence, datetime.now(UTC) + timedelta(hours=1)
        change = lambda entry: replace(entry, recorded_at=late) if entry.sequence == last else entry  # noqa: E731
        rewrite(connection, change, ring=retired)
        problems = ledger.broken(connection, at=late)
        connection.rollback()
    key = retired.public_keys()[0].key_id
    assert_named(problems, f"ledger row {last} (note) has no valid signature: key {key} was not valid at")


def test_a_history_signed_anew_with_a_retired_key_contradicts_its_anchors(store, settings, retired):
    with store.begin() as connection:
        rewrite(connection, in_another_name, ring=retired)
        assert ledger.broken(connection) == [], "its rows are dated while the key was valid"
    assert_named(problems_of(store, settings), "is not the one that anchor 2 names")


def test_each_deployment_and_each_reconciliation_after_a_change_is_anchored(store, settings, promoted):
    count = len(anchors.read_lines(settings.anchors_file))
    assert count == 2, "bootstrap and promotion"
    for _ in range(2):
        reconcile.run(store, settings)
    assert len(anchors.read_lines(settings.anchors_file)) == count, "nothing happened since"
    with store.begin() as connection:
        ledger.append(connection, "note", {})
    reconcile.run(store, settings)
    assert len(anchors.read_lines(settings.anchors_file)) == count + 1
    assert settings.anchors_file.stat().st_mode & 0o077 == 0


def without(number):
    return lambda lines: lines[: number - 1] + lines[number:]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (without(1), "anchor 1 does not follow the line before it"),
        (lambda lines: lines[:2], "anchors 3 to 3 are missing: ledger row"),
        (lambda lines: [], "anchors 1 to 3 are missing"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "anchor 1 does not follow"),
        (lambda lines: [lines[0].replace('"number":1', '"number":7'), *lines[1:]], "anchor 1 does not verify"),
        (lambda lines: [lines[0], "", *lines[1:]], "anchor 2 does not verify"),
        (lambda lines: [*lines, "{}"], "anchor 5 does not verify"),
        (lambda lines: [lines[0] + " ", *lines[1:]], "anchor 1 does not verify"),
        (lambda lines: [*lines[:3], lines[3][:-1] + ',"x":1}'], "anchor 4 does not verify"),
    ],
)
def test_a_changed_file_of_anchors_is_found(store, settings, promoted, change, part):
    for _ in range(2):
        with store.begin() as connection:
            ledger.append(connection, "note", {})
        reconcile.run(store, settings)
    lines = anchors.read_lines(settings.anchors_file)
    assert len(lines) == 4
    settings.anchors_file.write_text("".join(line + "\n" for line in change(lines)))
    assert_named(problems_of(store, settings), part)


def test_a_process_killed_before_it_wrote_its_anchor_raises_no_alarm(store, settings, promoted):
    with store.begin() as connection:
        previous = anchors.hash_text(anchors.read_lines(settings.anchors_file)[-1])
        ledger.append(connection, "anchor", {"number": 3, "previous_line": previous})
    assert problems_of(store, settings) == ()
    reconcile.run(store, settings)
    assert problems_of(store, settings) == ()


def test_the_ledger_s_times_never_run_backwards_when_a_clock_does(store):
    with store.begin() as connection:
        ledger.append(connection, "note", {})
        connection.execute(text("ALTER TABLE ledger DISABLE TRIGGER USER"))
        ahead = datetime.now(UTC) + timedelta(minutes=2)
        connection.execute(text("UPDATE ledger SET recorded_at = :ahead"), {"ahead": ahead})
        assert ledger.append(connection, "note", {}).recorded_at == ahead
