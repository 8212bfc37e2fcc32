"""Nobody acts on a decision, version, snapshot or request that the role of the steps wrote without a signing key."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from sentiment_lib.errors import RecordForged
from sentiment_lib.records import EvaluationRequest
from sentiment_lib.steps.decisions import check_approval, evaluate, request_approval
from sentiment_lib.steps.deployment import promote
from sentiment_lib.steps.operations import reconcile, verify
from sentiment_lib.steps.training import request_retrain, train
from sentiment_lib.storage import decisions, grants, holdout_looks, retrain_requests
from sentiment_lib.storage.engine import Store
from sentiment_lib.training_record import TrainingOrder
from tests.conftest import as_role

#: A decision to promote version 2, copied from the real one with another requester and a lenient policy.
DECISION = (
    "WITH mine AS (INSERT INTO evaluations (snapshot_id, candidate_version, champion_version, evidence, evidence_hash) "
    "SELECT snapshot_id, candidate_version, champion_version, evidence || ' ', "
    "encode(sha256(convert_to(evidence || ' ', 'UTF8')), 'hex') FROM evaluations WHERE evaluation_id = 1 RETURNING *) "
    "INSERT INTO decisions (evaluation_id, verdict, rules, evidence_hash, policy, requested_by) SELECT "
    "mine.evaluation_id, 'PROMOTE', rules, mine.evidence_hash, jsonb_build_object('approval', jsonb_build_object("
    "'approvers', jsonb_build_array('me'))), :requested_by FROM decisions, mine WHERE decision_id = 1 "
    "RETURNING decision_id"
)
VERSION = (
    "INSERT INTO model_versions (version, family, digest, run_id, snapshot_id, training_key, training) SELECT 99, "
    "family, repeat('0', 64), 'mine', snapshot_id, :key, training FROM model_versions WHERE version = 2 "
    "RETURNING version"
)
SNAPSHOT = (
    "INSERT INTO snapshots (content_hash, split_at, train_rows, holdout_rows, uri, policy) SELECT repeat('0', 64), "
    "split_at, train_rows, holdout_rows, 'mine.parquet', policy FROM snapshots WHERE snapshot_id = 1 "
    "RETURNING snapshot_id"
)


@pytest.fixture
def forge(database_url):
    """Insert a row as the role of the steps; returns its key."""
    store = Store(as_role(database_url, grants.APP))

    def insert(statement, **values):
        with store.begin() as connection:
            return connection.execute(text(statement), values).scalar_one()

    yield insert
    store.close()


def alerts(store):
    with store.begin() as connection:
        query = "SELECT body FROM alerts WHERE kind = 'forged_record' AND severity = 'critical' ORDER BY alert_id"
        return list(connection.execute(text(query)).scalars())


def test_nobody_acts_on_a_forged_decision(store, settings, decided, say, forge):
    number = forge(DECISION, requested_by="retrain/9")
    question = type(decided.question)(**{**vars(decided.question), "decision_id": number})
    with pytest.raises(RecordForged, match=f"decision {number} has no signed row"):
        say(question, by="me")
    with pytest.raises(RecordForged):
        promote.force(store, settings, decision_id=number, reason="it is better", by="mlops")
    assert request_approval.run(store, settings, decision_ids=[number], requested_by="retrain/9") is None
    assert check_approval.find_decision(store, settings, requested_by="retrain/9") is None
    assert len(alerts(store)) == 1
    # it neither supersedes nor expires the real one
    with store.begin() as connection:
        assert [one.decision_id for one in decisions.waiting(connection)] == [decided.decision.decision_id]
    assert reconcile.run(store, settings).expired == ()
    assert say(decided.question).response == "approved"
    assert promote.run(store, settings, decision_id=decided.decision.decision_id).to_version == 2
    assert f"decision {number} has no ledger row" in verify.run(store, settings, artefacts=False).problems


def test_a_forged_decision_does_not_stand_for_the_one_of_a_request(store, decided, forge):
    forge(DECISION, requested_by="retrain/9")
    request = EvaluationRequest(snapshot_id=1, candidate=2, champion=1, requested_by="retrain/9")
    with store.begin() as connection:
        assert decisions.find_existing(connection, request) is None


def test_a_forged_version_is_neither_evaluated_nor_found_by_a_training(store, settings, decided, forge):
    order = TrainingOrder(snapshot_id=1, family="tfidf_logreg", run_key="retrain/9")
    spec = train.TrainingSpec(
        family="tfidf_logreg", seed=order.seed, options={}, snapshot_hash=decided.snapshot.content_hash
    )
    version = forge(VERSION, key=train.training_key("retrain/9", spec))
    with pytest.raises(RecordForged, match="model version 99 has no signed row"):
        evaluate.run(store, settings, snapshot_id=1, candidate=version, requested_by="anna")
    with pytest.raises(RecordForged, match="model version 99 has no signed row"):
        train.run(store, settings, order)


def test_a_forged_snapshot_neither_trains_nor_judges(store, settings, decided, forge):
    number = forge(SNAPSHOT)
    with pytest.raises(RecordForged, match=f"snapshot {number} has no signed row"):
        train.run(store, settings, TrainingOrder(snapshot_id=number, family="tfidf_logreg", run_key="retrain/9"))
    with pytest.raises(RecordForged):
        evaluate.run(store, settings, snapshot_id=number, candidate=2, requested_by="anna")


def test_a_look_that_the_platform_did_not_record_gives_no_level(store, settings, decided, forge, decide_again):
    """A row of the ledger that would hand a request a look with a budget of its own choice."""
    forge(
        "INSERT INTO ledger SELECT sequence + 1, 'look', (SELECT replace(payload, 'retrain/1', 'anna') FROM ledger "
        "WHERE kind = 'look' LIMIT 1), entry_hash, 'forged', now(), signature FROM ledger ORDER BY sequence DESC "
        "LIMIT 1 RETURNING sequence"
    )
    request = EvaluationRequest(snapshot_id=1, candidate=2, champion=1, requested_by="anna")
    with store.begin() as connection:
        assert holdout_looks.take(connection, request, settings.policy.gate).looks_before == 1


def test_a_forged_retrain_request_is_not_claimed(store, settings, decided, forge):
    insert = "INSERT INTO retrain_requests (rule, reason, run_id) VALUES ('quality', 'mine', :run) RETURNING request_id"
    number = forge(insert, run=None)
    forge(insert, run="retrain/2")
    with store.begin() as connection:
        assert retrain_requests.find_open(connection, "quality") is None
        assert retrain_requests.last_requested_at(connection, "quality") is None
        assert retrain_requests.claim_open(connection, "retrain/2") == []
        real = retrain_requests.insert_request(connection, rule="quality", reason="it is worse")
    claimed = request_retrain.claim_requests(store, settings, run_id="retrain/2")
    assert claimed == [real]
    assert f"retrain_request {number} has no ledger row" in verify.run(store, settings, artefacts=False).problems


def test_rows_added_to_a_snapshot_leave_no_tweet_out_of_the_comparison(store, settings, decided, forge, add_tweets):
    """A tweet of the holdout that a version seems to have learned from would not be judged."""
    (tweet_id,) = add_tweets(1)
    frozen = "INSERT INTO frozen_rows (tweet_id, label, part) VALUES (:id, 'negative', 'train') RETURNING row_id"
    row = forge(frozen, id=tweet_id)
    forge("INSERT INTO chunk_rows SELECT 1, max(position) + 1, :row FROM chunk_rows RETURNING row_id", row=row)
    with pytest.raises(RecordForged, match="rows of snapshot 1"):
        evaluate.run(store, settings, snapshot_id=1, candidate=2, requested_by="anna")


def test_a_rejection_without_a_signed_row_is_reported(store, settings, decided, forge):
    forge(
        "INSERT INTO approvals (decision_id, response, answered_by, answered_at, reason, evidence_hash) "
        "SELECT 1, 'rejected', 'admin', now(), 'no', evidence_hash FROM decisions RETURNING approval_id"
    )
    assert check_approval.run(store, settings, requested_by="retrain/1") is None
    with store.begin() as connection:
        kinds = connection.execute(text("SELECT kind FROM alerts WHERE severity = 'critical'")).scalars().all()
    assert kinds == ["forged_approval"]
