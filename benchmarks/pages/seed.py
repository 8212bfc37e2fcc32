"""A platform after half a year: one real decision; tweets, predictions, labels, reports and alerts by SQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from sentiment_lib.records import ApprovalResponse
from sentiment_lib.settings import Settings
from sentiment_lib.sources.sample_stream import SampleStream
from sentiment_lib.steps.decisions import approval_provenance, evaluate, record_approval, request_approval
from sentiment_lib.steps.deployment import bootstrap, promote
from sentiment_lib.steps.ingestion import ingest
from sentiment_lib.steps.scoring import daily_sentiment
from sentiment_lib.steps.training import snapshot, train
from sentiment_lib.storage.engine import Store
from sentiment_lib.training_record import TrainingOrder

DAYS = 180
#: Tweets of the bulk have ids from here on; the sample stream's are far above.
FIRST_ID = 1_000_000_000_000
WRITTEN = "flight bag late gate crew thanks refund delayed seat hours lovely lost boarding rude upgrade weather"
WORDS = WRITTEN.split()

TWEETS = """
INSERT INTO tweets (tweet_id, text, author_hash, language, airline, created_at, collected_at, ingest_id)
SELECT :first + n, concat_ws(' ', '@united', words[1 + n % 16], words[1 + (n / 16) % 16], words[1 + (n / 256) % 16], n),
       decode(md5((n % 200000)::text), 'hex'), 'en', (ARRAY['United','Delta','JetBlue'])[1 + n % 3],
       at, at, (SELECT max(ingest_id) FROM ingests)
FROM (SELECT n, (:words)::text[] AS words, now() - make_interval(secs => (:rows - n) * :step) AS at
      FROM generate_series(:low, :high) n) drawn
"""
# the champion of the last half reads them as the one before in four cases of five
PREDICTIONS = """
INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive, predicted_at)
SELECT tweet_id, :version, CASE WHEN p > 0.4 THEN 'negative' WHEN p > 0.15 THEN 'neutral' ELSE 'positive' END,
       p, (1 - p) * CASE WHEN p > 0.15 THEN 0.8 ELSE 0.2 END, (1 - p) * CASE WHEN p > 0.15 THEN 0.2 ELSE 0.8 END, at
FROM (SELECT tweet_id, created_at + interval '1 minute' AS at,
             ((hashint8extended(tweet_id, 0) & 65535) / 65535.0 * 0.9 + 0.05
              + CASE WHEN hashint8extended(tweet_id, :version) % 5 = 0 THEN 0.05 ELSE 0 END)::float8 AS p
      FROM tweets WHERE tweet_id BETWEEN :first + :low AND :first + :high AND (:every = 1 OR tweet_id % :every = 0)) t
"""
REST = (
    "INSERT INTO audit_sample (tweet_id, model_version, inclusion_probability, drawn_at, labelled_at) "
    "SELECT tweet_id, model_version, 0.02, predicted_at, CASE WHEN tweet_id % 100 < 50 THEN predicted_at END "
    "FROM predictions WHERE tweet_id % 50 = 0",
    "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at, stored_at, inclusion_probability) "
    "SELECT p.tweet_id, p.label, 'audit', 'person ' || p.tweet_id % 3, p.predicted_at, p.predicted_at, 0.02 "
    "FROM audit_sample a JOIN predictions p USING (tweet_id, model_version) WHERE a.labelled_at IS NOT NULL "
    "ON CONFLICT DO NOTHING",
    "INSERT INTO label_picks (tweet_id, model_version, kind, inclusion_probability, person, position, handed_at, state,"
    " finished_at, label) SELECT DISTINCT ON (p.tweet_id) p.tweet_id, p.model_version, 'audit', 0.02, l.labelled_by, "
    "(p.tweet_id / 50 % 1000000)::int, p.predicted_at, 'labelled', p.predicted_at, l.label "
    "FROM labels l JOIN predictions p USING (tweet_id) WHERE l.source = 'audit'",
    "INSERT INTO feedback (tweet_id, model_version, label, given_by, given_at) "
    "SELECT tweet_id, model_version, 'neutral', 'key 1', predicted_at FROM predictions WHERE tweet_id % 500 = 7",
    "INSERT INTO quality_days (day, model_version, rows, estimated, estimated_low, estimated_high, labelled, powered, "
    "powered_low, powered_high, skipped, labelled_twice, calibration_labels) SELECT current_date - d, :version, 2000, "
    "0.7, 0.68, 0.72, 80, 0.71, 0.66, 0.76, 0, 0, 0 FROM generate_series(0, 179) d",
    "INSERT INTO drift_reports (model_version, reference_start, reference_end, current_start, current_end, verdict, "
    "signals, details) SELECT :version, at - interval '8 days', at - interval '1 day', at - interval '1 day', at, "
    "CASE WHEN h % 50 = 0 THEN 'drift' ELSE 'stable' END, (SELECT jsonb_agg(jsonb_build_object('signal', 'signal ' || s"
    ", 'effect', 0.02, 'floor', 0.05, 'p_value', 0.4, 'adjusted', 0.9, 'drifted', h % 50 = 0 AND s = 1)) "
    "FROM generate_series(1, 24) s), jsonb_build_object('summary', repeat('what moved ', 200)) "
    "FROM (SELECT h, now() - make_interval(hours => h) AS at FROM generate_series(1, 4320) h) hours",
    "INSERT INTO alerts (kind, severity, dedup_key, title, body, opened_at, last_seen_at, resolved_at) "
    "SELECT 'drift', 'warning', 'drift/' || n, 'Drift ' || n, repeat('what to do ', 30), now(), now(), "
    "CASE WHEN n > 50 THEN now() END FROM generate_series(1, 5000) n",
)

#: Candidates of earlier retrains: each with the evidence, decision and request of the real one.
RETRAINS = (
    "INSERT INTO model_versions (version, family, digest, run_id, snapshot_id, training_key, training, cost, "
    "created_at) SELECT 2 + n, family, digest || n, run_id || n, snapshot_id, training_key || n, training, cost, "
    "created_at - make_interval(days => n) FROM model_versions, generate_series(1, 60) n WHERE version = 2",
    "INSERT INTO evaluations (snapshot_id, candidate_version, champion_version, evidence, evidence_hash, created_at) "
    "SELECT snapshot_id, 2 + n, champion_version, evidence, evidence_hash, created_at - make_interval(days => n) "
    "FROM evaluations, generate_series(1, 60) n WHERE candidate_version = 2",
    "INSERT INTO decisions (evaluation_id, verdict, rules, evidence_hash, policy, requested_by, decided_at) "
    "SELECT e.evaluation_id, 'HOLD', d.rules, d.evidence_hash, d.policy, 'retrain/' || e.candidate_version, "
    "e.created_at FROM decisions d, evaluations e WHERE d.decision_id = 1 AND e.candidate_version > 2",
    "INSERT INTO retrain_requests (rule, reason, run_id) SELECT 'labels', n || ' new labels', 'retrain/' || n "
    "FROM generate_series(1, 62) n",
)


def seed(store: Store, settings: Settings, rows: int) -> None:
    """Fill an empty, migrated database with `rows` predictions: a twentieth of them by the version before."""
    _decide(store, settings)
    shadow = rows // 20
    tweets = rows - shadow
    _bulk(store, TWEETS, tweets, words=WORDS, step=DAYS * 86_400 / tweets, rows=tweets)
    _bulk(store, PREDICTIONS, tweets, version=2, every=1)
    _bulk(store, PREDICTIONS, tweets, version=1, every=19)
    for statement in (*REST, *RETRAINS):
        _run(store, statement, version=2)
    daily_sentiment.run(store, 2, auditors=settings.policy.label.auditors)
    with store.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM (ANALYZE)"))


def _decide(store: Store, settings: Settings) -> None:
    """The sample stream, a candidate, its decision and its promotion: versions 1 and 2."""
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=14)
    ingest.run(store, settings, SampleStream(start=start, days=14, per_day=400))
    bootstrap.run(store, settings)
    frozen = snapshot.run(store, settings)
    order = TrainingOrder(snapshot_id=frozen.snapshot_id, family="tfidf_logreg", run_key="retrain/1")
    version = train.run(store, settings, order)
    case = {"snapshot_id": frozen.snapshot_id, "candidate": version.version}
    decision = evaluate.run(store, settings, **case, requested_by="retrain/1")
    question = request_approval.run(store, settings, decision_ids=[decision.decision_id], requested_by="retrain/1")
    assert question is not None, decision
    shown = {"decision_id": question.decision_id, "evidence_hash": question.evidence_hash}
    response = ApprovalResponse(**shown, response="approved", answered_by="mlops", reason="benchmark")
    origin = {"task": "benchmark/1/approval", "task_instance_id": "1", "user_id": "mlops"}
    provenance = approval_provenance.from_airflow(response, **origin)
    record_approval.run(store, settings, response, provenance=provenance)
    promote.run(store, settings, decision_id=question.decision_id)
    # as if it had served all the time: its page then looks at every tweet since
    _run(store, "UPDATE decisions SET decided_at = now() - interval '170 days'")
    _run(store, "UPDATE deployments SET finished_at = now() - interval '169 days', intended_at = now()")


def _bulk(store: Store, statement: str, tweets: int, **values: object) -> None:
    step = 500_000
    for low in range(1, tweets + 1, step):
        _run(store, statement, first=FIRST_ID, low=low, high=min(low + step - 1, tweets), **values)


def _run(store: Store, statement: str, **values: object) -> None:
    with store.begin() as connection:
        # the rows are right as they are made: their foreign keys are not looked up ten million times, and facts that
        # the ledger holds may be dated back
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(statement), values)
