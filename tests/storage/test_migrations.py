"""The migrations make the tables that the code describes, upgrade data, and the ledger cannot be changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sentiment_lib.hashing import canonical_json, hash_text
from sentiment_lib.records import Answer
from sentiment_lib.steps.operations import verify
from sentiment_lib.storage import (
    api_keys,
    decisions,
    deployments,
    drift_reports,
    grants,
    ledger,
    migrate,
    model_versions,
)
from sentiment_lib.storage.engine import Store
from tests.conftest import as_role

EVIDENCE = canonical_json({"comparison": {"candidate": {"macro_f1": 0.7}}})
RULES = [{"rule": "gain", "figure": 0.1, "bound": 0.0, "verdict": "pass", "reason": "better"}]
#: Rows as revision 0006 stored them.
ROWS = (
    "INSERT INTO ingests (source) VALUES ('test')",
    "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) VALUES (1, 'late', now(), 1), (2, 'late', now(), 1)",
    "INSERT INTO snapshots (content_hash, split_at, train_rows, holdout_rows, uri, policy, created_at) "
    "VALUES ('h', '2026-01-01Z', 1, 1, 'u', '{}', '2026-01-03Z')",
    "INSERT INTO snapshot_rows (snapshot_id, tweet_id, label, part) "
    "VALUES (1, 1, 'negative', 'train'), (1, 2, 'neutral', 'holdout')",
    "INSERT INTO model_versions (version, family, digest, run_id, snapshot_id, training_key, created_at) VALUES "
    "(1, 'vader', 'd1', 'r1', NULL, 'k1', '2026-01-01Z'), (2, 'vader', 'd2', 'r2', 1, 'k2', '2026-01-04Z')",
    "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
    "SELECT n, 1, 'negative', 1, 0, 0 FROM generate_series(1, 2) n",
    "INSERT INTO audit_sample (prediction_id, inclusion_probability, settled_at) VALUES (1, 0.5, '2026-02-01Z')",
    "INSERT INTO label_picks (tweet_id, prediction_id, kind, person, position, handed_at, state, finished_at, answer) "
    "VALUES (2, 2, 'uncertain', 'ann', 1, now(), 'labelled', now(), 'neutral')",
    "INSERT INTO retrain_requests (rule, reason, handled_by) VALUES ('first', 'why', 'retrain/1')",
    "INSERT INTO evaluations (snapshot_id, candidate_version, champion_version, evidence, evidence_hash, "
    "created_at) VALUES (1, 2, 1, :evidence, :hash, '2026-02-27Z')",
    "INSERT INTO decisions (evaluation_id, answer, rules, evidence_hash, policy, requested_by, decided_at) "
    "VALUES (1, 'PROMOTE', CAST(:rules AS jsonb), :hash, '{}', 'retrain/1', '2026-02-28Z')",
    "INSERT INTO approvals (decision_id, answer, answered_by, answered_at, reason, evidence_hash) "
    "VALUES (1, 'approved', 'anna', '2026-03-01Z', 'better', :hash)",
    "INSERT INTO deployments (kind, from_version, to_version, approval_id, state, finished_at, intended_at) VALUES "
    "('first', NULL, 1, NULL, 'done', '2026-01-02Z', '2026-01-02Z'), "
    "('promotion', 1, 2, 1, 'done', '2026-03-01Z', '2026-03-01Z')",
    "INSERT INTO api_keys (name, roles, key_hash) VALUES ('desk', '{predict}', 'hash of a key')",
    "INSERT INTO drift_reports (model_version, reference_start, reference_end, current_start, current_end, verdict, "
    "signals, details) VALUES (1, '2026-01-01Z', '2026-01-08Z', '2026-01-08Z', '2026-01-09Z', 'drift', '[]', "
    """'{"severity": "critical", "wants_retrain": true, "loss": 0.04, "continuous": {"counted": true}, """
    """"causes": {}}'), """
    "(1, '2026-01-02Z', '2026-01-09Z', '2026-01-09Z', '2026-01-10Z', 'too_few', '[]', '{}'), "
    "(1, '2026-01-03Z', '2026-01-10Z', '2026-01-10Z', '2026-01-11Z', 'stable', '[]', "
    """'{"severity": null, "wants_retrain": false, "loss": null, "continuous": null}')""",
)
#: The ledger that belongs to them, with the keys and kinds of that time.
RECORDED = (
    ("training", {"version": 1, "family": "vader", "digest": "d1", "snapshot_id": None, "run_id": "r1"}),
    ("first.intent", {"deployment_id": 1, "kind": "first", "from_version": None, "to_version": 1, "approval_id": None}),
    ("first.done", {"deployment_id": 1, "to_version": 1}),
    (
        "snapshot",
        {
            "snapshot_id": 1,
            "content_hash": "h",
            "train_rows": 1,
            "holdout_rows": 1,
            "uri": "u",
            "rows_hash": hash_text("1,negative,train\n2,neutral,holdout\n"),
        },
    ),
    ("training", {"version": 2, "family": "vader", "digest": "d2", "snapshot_id": 1, "run_id": "r2"}),
    ("evaluation", {"evaluation_id": 1, "snapshot_id": 1, "candidate_version": 2, "champion_version": 1}),
    (
        "decision",
        {
            "decision_id": 1,
            "evaluation_id": 1,
            "answer": "PROMOTE",
            "evidence_hash": hash_text(EVIDENCE),
            "rules_hash": hash_text(canonical_json(RULES)),
            "requested_by": "retrain/1",
        },
    ),
    ("approval", {"approval_id": 1, "decision_id": 1, "answer": "approved", "answered_by": "anna", "reason": "better"}),
    ("promotion.intent", {"deployment_id": 2, "kind": "promotion", "from_version": 1, "to_version": 2}),
    ("promotion.done", {"deployment_id": 2, "to_version": 2}),
)


@pytest.fixture
def upgraded(empty_database_url):
    """A store that was filled at revision 0006 and then upgraded."""
    migrate.upgrade(empty_database_url, "0006")
    store = Store(empty_database_url)
    with store.begin() as connection:
        values = {"evidence": EVIDENCE, "hash": hash_text(EVIDENCE), "rules": json.dumps(RULES)}
        for statement in ROWS:
            connection.execute(text(statement), {key: values[key] for key in values if f":{key}" in statement})
        previous, moment = ledger.GENESIS, datetime(2026, 4, 1, tzinfo=UTC)
        for number, (kind, facts) in enumerate(RECORDED, 1):
            body = canonical_json(facts)
            digest = ledger.entry_hash(number, kind, body, previous, moment)
            values = {"number": number, "kind": kind, "body": body, "before": previous, "hash": digest, "at": moment}
            connection.execute(text("INSERT INTO ledger VALUES (:number, :kind, :body, :before, :hash, :at)"), values)
            previous = digest
    migrate.upgrade(empty_database_url)
    yield store
    store.close()


def test_a_database_of_the_revision_before_upgrades_with_its_data(upgraded):
    with upgraded.begin() as connection:
        assert migrate.drift(connection) == []
        assert decisions.by_id(connection, 1).verdict is Answer.PROMOTE
        assert decisions.approval(connection, 1).response == "approved"
        assert model_versions.champion(connection).version == 2
        assert [move.kind for move in deployments.newest(connection, 10)] == ["promotion", "bootstrap"]
        query = (
            "SELECT (SELECT label FROM label_picks), (SELECT run_id FROM retrain_requests), labelled_at IS NOT NULL "
        )
        assert tuple(connection.execute(text(query + "FROM audit_sample")).one()) == ("neutral", "retrain/1", True)
        report, few, stable = (drift_reports.full_report(connection, number) for number in (1, 2, 3))
    assert (report.severity, report.wants_retrain, report.loss) == ("critical", True, 0.04)
    assert (report.continuous, report.details) == ({"counted": True}, {"causes": {}})
    for other in (few, stable):
        assert (other.severity, other.wants_retrain, other.loss, other.continuous) == (None, False, None, None)


def test_rows_of_old_snapshots_are_kept_and_still_verify(upgraded):
    with upgraded.begin() as connection:
        rows = connection.execute(text("SELECT * FROM snapshot_rows ORDER BY tweet_id")).all()
        assert [tuple(row) for row in rows] == [(1, 1, "negative", "train"), (1, 2, "neutral", "holdout")]
        connection.execute(text("UPDATE frozen_rows SET label = 'positive' WHERE tweet_id = 2"))
        assert "snapshot 1: its rows in the database were changed: they are others" in verify.records(connection)
        connection.rollback()


def test_ledger_rows_recorded_under_the_old_names_still_verify(upgraded):
    with upgraded.begin() as connection:
        assert verify.records(connection) == []


def test_a_signed_checkpoint_covers_the_rows_that_were_not_signed(upgraded):
    with upgraded.begin() as connection:
        *old, checkpoint, restated, request, key = ledger.entries(connection)
    assert (restated.kind, restated.facts(), bool(restated.signature)) == (*RECORDED[-1], True)
    assert (request.kind, request.facts()["reason"]) == ("retrain_request", "why")
    assert (key.kind, key.facts()["name"], key.facts()["roles"]) == ("api_key", "desk", ["predict"])
    assert len(old) == len(RECORDED)
    assert {entry.signature for entry in old} == {None}
    assert checkpoint.kind == "checkpoint"
    assert checkpoint.facts() == {"sequence": len(old), "entry_hash": old[-1].entry_hash}


def test_the_api_knows_champion_and_keys_of_an_old_ledger_without_reading_it(upgraded):
    api = Store(as_role(upgraded.engine.url.render_as_string(hide_password=False), grants.API))
    with api.begin() as connection:
        assert model_versions.champion(connection).version == 2
        assert api_keys.find_key(connection, b"hash of a key").name == "desk"
    api.close()


@pytest.mark.parametrize(
    ("statements", "problem"),
    [
        (("DELETE FROM ledger WHERE kind = 'checkpoint'",), "the signatures above it are gone"),
        (("UPDATE ledger SET signature = NULL",), "no ledger row is signed"),
        (("UPDATE ledger SET kind = 'note' WHERE kind = 'checkpoint'",), "the signatures above it are gone"),
    ],
)
def test_without_its_checkpoint_an_old_ledger_does_not_verify(upgraded, statements, problem):
    with upgraded.engine.connect() as connection:
        connection.execute(text("ALTER TABLE ledger DISABLE TRIGGER USER"))
        for statement in statements:
            connection.execute(text(statement))
        problems = verify.records(connection)
        connection.rollback()
    assert any(problem in found for found in problems), problems


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE decisions SET verdict = 'HOLD'", "decision 1 was changed: verdict"),
        ("UPDATE approvals SET response = 'expired'", "approval 1 was changed: response"),
        (
            "UPDATE deployments SET kind = 'adopted', reason = 'x' WHERE kind = 'bootstrap'",
            "deployment 1 was changed: kind",
        ),
    ],
)
def test_a_renamed_column_that_was_changed_is_still_found(upgraded, statement, problem):
    with upgraded.begin() as connection:
        connection.execute(text(statement))
        assert problem in verify.records(connection)


def test_tables_in_code_and_after_migration_are_the_same(store):
    with store.begin() as connection:
        assert migrate.drift(connection) == []


def test_no_migration_claims_that_it_can_be_undone():
    folder = Path(migrate.__file__).with_name("migrations") / "versions"
    assert [path.name for path in folder.glob("*.py") if "def downgrade" in path.read_text()] == []


def test_migrating_twice_changes_nothing(empty_database_url):
    migrate.upgrade(empty_database_url)
    migrate.upgrade(empty_database_url)
    store = Store(empty_database_url)
    with store.begin() as connection:
        assert migrate.drift(connection) == []
    store.close()


@pytest.mark.parametrize(
    "statement",
    ["UPDATE ledger SET payload = 'x'", "DELETE FROM ledger", "TRUNCATE ledger"],
)
def test_the_database_refuses_to_change_the_ledger(store, statement):
    with store.begin() as connection:
        connection.execute(
            text("INSERT INTO ledger VALUES (1, 'snapshot', '{}', repeat('0', 64), 'aa', now())"),
        )
    with pytest.raises(DBAPIError, match="append-only"), store.begin() as connection:
        connection.execute(text(statement))


def test_an_ingest_that_lost_rows_cannot_be_written(store):
    with pytest.raises(DBAPIError, match="adds_up"), store.begin() as connection:
        connection.execute(text("INSERT INTO ingests (source, received, stored) VALUES ('x', 2, 1)"))
