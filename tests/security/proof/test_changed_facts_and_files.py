"""What was changed behind the platform's back is found, and named."""

from __future__ import annotations

import shutil

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sentiment_lib.errors import UnsafeArtefact
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.steps.deployment import promote, rollback
from sentiment_lib.steps.operations import verify
from sentiment_lib.steps.scoring import score
from sentiment_lib.storage import ledger


@pytest.fixture
def promoted(store, settings, decided, say):
    say(decided.question)
    promote.run(store, settings, decision_id=decided.decision.decision_id)
    assert verify.run(store, settings).problems == ()
    return decided


def problems_after(store, statement):
    """What verify says after a change by the database's owner, guards off; the change is taken back."""
    with store.engine.connect() as connection:
        connection.execute(text("ALTER TABLE ledger DISABLE TRIGGER USER"))
        connection.execute(text(statement))
        found = verify.records(connection)
        connection.rollback()
    return found


def test_the_database_refuses_to_change_the_ledger(store, settings):
    with store.begin() as connection:
        ledger.append(connection, "note", {})
    for statement in ("UPDATE ledger SET kind = 'x'", "DELETE FROM ledger", "TRUNCATE ledger"):
        with pytest.raises(DBAPIError), store.begin() as connection:
            connection.execute(text(statement))


CHANGES = [
    ("UPDATE ledger SET payload = replace(payload, 'retrain/1', 'retrain/2') WHERE kind = 'decision'", "ledger row"),
    ("UPDATE ledger SET recorded_at = recorded_at - interval '1 day' WHERE sequence = 3", "ledger row 3"),
    ("UPDATE ledger SET kind = 'forced.done' WHERE kind = 'promotion.done'", "ledger row"),
    ("DELETE FROM ledger WHERE sequence = 4", "ledger rows 4 to 4 are missing"),
    ("DELETE FROM ledger WHERE sequence >= (SELECT max(sequence) - 1 FROM ledger)", "deployment 2"),
    ("DELETE FROM ledger WHERE kind = 'approval'", "approval 1 has no ledger row"),
    ("UPDATE decisions SET verdict = 'HOLD'", "decision 1 was changed: verdict"),
    ("UPDATE decisions SET rules = '[]'", "decision 1 was changed: rules"),
    ("UPDATE evaluations SET evidence = evidence || ' '", "decision 1: its hash is not that of its evidence"),
    ("UPDATE approvals SET answered_by = 'admin'", "approval 1 was changed: answered_by"),
    ("UPDATE approvals SET response = 'rejected'", "deployment 2 (promotion to version 2) has no decision"),
    ("UPDATE deployments SET kind = 'forced', reason = 'why' WHERE deployment_id = 2", "deployment 2 was changed"),
    ("UPDATE model_versions SET digest = repeat('0', 64) WHERE version = 2", "training 2 was changed: digest"),
    ("UPDATE snapshots SET content_hash = 'x'", "snapshot 1 was changed: content_hash"),
    (
        "UPDATE frozen_rows SET label = CASE label WHEN 'neutral' THEN 'positive' ELSE 'neutral' END "
        "WHERE tweet_id = 7",
        "snapshot 1: its rows in the database were changed",
    ),
    ("UPDATE frozen_rows SET part = 'holdout' WHERE tweet_id = 7", "snapshot 1: its rows in the database were"),
    ("DELETE FROM frozen_rows WHERE tweet_id = 7", "snapshot 1: its rows in the database were changed"),
    ("UPDATE frozen_rows SET salt = salt || decode('00', 'hex') WHERE tweet_id = 7", "snapshot 1: its rows in the"),
    ("DELETE FROM chunk_rows WHERE chunk_id = 1 AND position = 3", "snapshot 1: its rows in the database were"),
    ("UPDATE chunk_rows SET row_id = row_id + 1 WHERE position = 3", "snapshot 1: its rows in the database were"),
    ("UPDATE snapshot_chunks SET leaves = substring(leaves FROM 33)", "snapshot 1: its rows in the database were"),
    ("UPDATE snapshot_chunks SET root = repeat('0', 63) || chunk_id", "snapshot 1: its rows in the database were"),
    ("DELETE FROM snapshot_contents WHERE position = 0", "snapshot 1: its rows in the database were changed"),
    ("UPDATE snapshot_contents SET position = 9 - position", "snapshot 1: its rows in the database were changed"),
    ("UPDATE model_versions SET training = training || '{\"seed\": 9}' WHERE version = 2", "training 2: its training"),
    ("UPDATE decisions SET decided_at = now() + interval '1 day'", "decision 1 is dated in the future"),
    ("UPDATE decisions SET decided_at = decided_at - interval '1 day'", "decision 1 is dated before its evaluation"),
    (
        "UPDATE deployments SET intended_at = intended_at - interval '1 day' WHERE deployment_id = 2",
        "deployment 2 is dated before its approval",
    ),
    ("UPDATE snapshots SET created_at = now() + interval '1 hour'", "evaluation 1 is dated before its snapshot"),
    (
        "INSERT INTO deployments (kind, from_version, to_version, reason, state, finished_at) "
        "VALUES ('rollback', 2, 1, 'quietly', 'done', now())",
        "deployment 3 has no ledger row",
    ),
]


def test_each_changed_row_is_found_by_name(store, settings, promoted):
    for statement, named in CHANGES:
        problems = problems_after(store, statement)
        assert any(named in problem for problem in problems), (statement, problems)
    assert verify.run(store, settings).problems == ()


def artefact(tracking, digest):
    """The folder of the registry that holds this package."""
    import hashlib

    for manifest in tracking.artifacts.rglob("manifest.json"):
        if hashlib.sha256(manifest.read_bytes()).hexdigest() == digest:
            yield manifest.parent


@pytest.fixture
def one_byte_changed(tracking, promoted):
    """One changed byte in the registry's copy of the champion; changed back afterwards, for the copy is shared."""
    kept = {}
    for folder in artefact(tracking, promoted.version.digest):
        files = [path for path in folder.iterdir() if path.name != "manifest.json"]
        target = max(files, key=lambda path: path.stat().st_size)
        content = kept[target] = target.read_bytes()
        middle = len(content) // 2
        target.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    yield
    for target, content in kept.items():
        target.write_bytes(content)


def test_one_changed_byte_of_an_artefact_is_found_and_refused_before_it_is_loaded(
    store, settings, decided, promoted, one_byte_changed, monkeypatch, add_tweets
):
    problems = verify.run(store, settings).problems
    assert any(problem.startswith(f"model version {promoted.version.version}:") for problem in problems), problems
    shutil.rmtree(settings.home / "cache")
    from sentiment_lib.families import catalog

    monkeypatch.setattr(catalog, "load", lambda folder: pytest.fail("it was loaded"))
    with pytest.raises(UnsafeArtefact):
        Registry(settings).load(promoted.version.version, promoted.version.digest)
    with pytest.raises(UnsafeArtefact):
        score.run(store, settings)


def test_a_package_that_is_gone_is_found_by_name(store, settings, tracking, promoted):
    aside = {folder.parent: folder.parent.with_name("aside") for folder in artefact(tracking, promoted.version.digest)}
    for folder, elsewhere in aside.items():
        folder.rename(elsewhere)
    try:
        (problem,) = verify.run(store, settings).problems
    finally:
        for folder, elsewhere in aside.items():
            elsewhere.rename(folder)
    assert problem.startswith(f"model version {promoted.version.version}: its package cannot be downloaded")


def test_a_damaged_copy_of_ours_is_refused_once_and_fetched_anew(store, settings, promoted):
    registry, version = Registry(settings), promoted.version
    folder = registry.fetch(version.version, version.digest)
    target = folder / "manifest.json"
    target.write_bytes(target.read_bytes() + b" ")
    with pytest.raises(UnsafeArtefact):
        registry.load(version.version, version.digest)
    assert registry.load(version.version, version.digest).family == "tfidf_logreg"


def test_a_rollback_to_a_poisoned_artefact_is_refused_and_the_champion_stays(store, settings, tracking, promoted):
    first = Registry(settings).get(1)
    for folder in artefact(tracking, first.digest):
        (folder / "payload.pkl").write_bytes(b"\x80\x04.")
    shutil.rmtree(settings.home / "cache", ignore_errors=True)
    try:
        with pytest.raises(UnsafeArtefact):
            rollback.by_hand(store, settings, to_version=1, reason="back to VADER", by="mlops")
    finally:
        for folder in artefact(tracking, first.digest):
            (folder / "payload.pkl").unlink()
    assert Registry(settings).alias("champion") == promoted.version.version


def test_a_moved_alias_is_found_by_name(store, settings, promoted):
    for alias in ("champion", "challenger"):
        Registry(settings).set_alias(alias, 1)
        problems = verify.run(store, settings, artefacts=False).problems
        assert any(problem.startswith(f"the alias {alias} names version 1") for problem in problems), problems


def test_rows_appended_at_the_same_time_are_one_chain(store):
    from concurrent.futures import ThreadPoolExecutor

    def add(number):
        with store.begin() as connection:
            return ledger.append(connection, "note", {"number": number}).sequence

    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(add, range(40))) == list(range(1, 41))
    with store.begin() as connection:
        assert ledger.broken(connection) == []


def test_a_fact_that_is_rolled_back_leaves_no_ledger_row(store):
    with store.engine.connect() as connection:
        ledger.append(connection, "note", {})
        connection.rollback()
    with store.begin() as connection:
        assert list(ledger.entries(connection)) == []
