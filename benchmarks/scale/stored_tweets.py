"""A database filled by SQL with years of tweets: predictions of the champion, the audit sample, and its labels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import psycopg
from sqlalchemy import Connection, text

from sentiment_lib.storage import ledger
from sentiment_lib.tweet_ids import first_id

#: Time of the newest stored tweet.
NEWEST = datetime(2025, 6, 1, tzinfo=UTC)
#: Unix milliseconds of the first snowflake id, and its bits below the milliseconds.
EPOCH_MS, ID_BITS = 1288834974657, 22
#: Labels of the audit sample a day, by one auditor.
LABELS_A_DAY = 40
#: The champion's predictions begin so long before NEWEST; the version before made the earlier ones.
SERVES_FOR = timedelta(days=14)

# no triggers and foreign keys, and the full-text index afterwards: the rows are right, and only reading is measured
PREPARE = "SET session_replication_role = replica; DROP INDEX ix_tweets_words; SET work_mem = '256MB'"
INGESTS = """
INSERT INTO ingests (source, input_digest, started_at, finished_at, received, stored)
SELECT 'stored', md5(day::text), day, day, %(rate)s, %(rate)s
FROM generate_series(%(first)s::timestamptz, %(newest)s::timestamptz, '1 day') day
"""
TWEETS = f"""
INSERT INTO tweets (tweet_id, text, author_hash, language, airline, created_at, collected_at, ingest_id)
SELECT ((extract(epoch FROM at) * 1000)::bigint - {EPOCH_MS} << {ID_BITS}) + n %% 4096,
       (ARRAY['my flight was delayed again and nobody knows why', 'thank you for the upgrade, wonderful crew',
              'is there a seat left on the evening flight', 'still on hold after 45 minutes, please answer',
              'my bag is not there and we wait for two hours'])[1 + n %% 5] || ' ' || md5(n::text),
       decode(md5((n %% 200000)::text), 'hex'), 'en',
       (ARRAY['United', 'Delta', 'JetBlue', 'American', NULL])[1 + n %% 5],
       at, at, 1 + n / %(rate)s
FROM (SELECT n, %(first)s::timestamptz + n * interval '1 day' / %(rate)s AS at
      FROM generate_series(0, %(rows)s - 1) n) moments
"""
PREDICTIONS = """
INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive, predicted_at)
SELECT tweet_id, CASE WHEN created_at < %(moved)s THEN 2 ELSE 1 END, (ARRAY['negative', 'neutral', 'positive'])[1 + k],
       CASE k WHEN 0 THEN 0.8 ELSE 0.1 END, CASE k WHEN 1 THEN 0.8 ELSE 0.1 END, CASE k WHEN 2 THEN 0.8 ELSE 0.1 END,
       created_at
FROM (SELECT tweet_id, created_at, (tweet_id >> 3) %% 3 AS k FROM tweets ORDER BY tweet_id) t
"""
# what the champion of the last days has rescored
RESCORED = """
INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive, predicted_at)
SELECT tweet_id, 1, label, p_negative, p_neutral, p_positive, %(moved)s FROM predictions
WHERE model_version = 2 AND predicted_at >= %(rescored)s
"""
AUDIT = """
INSERT INTO audit_sample (tweet_id, model_version, inclusion_probability, drawn_at)
SELECT tweet_id, model_version, 0.02, predicted_at FROM predictions WHERE hashint8(tweet_id) %% 50 = 0
"""
LABELS = """
INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at, inclusion_probability, stored_at)
SELECT tweet_id, label, 'audit', 'local', predicted_at + interval '1 hour', 0.02, predicted_at + interval '1 hour'
FROM (SELECT p.*, row_number() OVER (PARTITION BY predicted_at::date ORDER BY tweet_id, model_version) AS nth
      FROM audit_sample JOIN predictions p USING (tweet_id, model_version)) p WHERE nth <= %(labels)s
ON CONFLICT DO NOTHING
"""
LABELLED = """
UPDATE audit_sample a SET labelled_at = l.stored_at FROM labels l WHERE l.tweet_id = a.tweet_id
"""
FINISH = (
    "CREATE INDEX ix_tweets_words ON tweets USING gin (to_tsvector('simple'::regconfig, text))",
    "SET session_replication_role = origin",
    "VACUUM ANALYZE",
)


@dataclass(frozen=True, kw_only=True)
class Stored:
    """How many tweets, and how many a day."""

    rows: int
    rate: int

    @property
    def first(self) -> datetime:
        """Time of the oldest tweet."""
        return NEWEST - timedelta(days=self.rows / self.rate)


def record_moves(connection: Connection) -> None:
    """Sign the deployments: one without its ledger rows makes no champion."""
    rows = connection.execute(text("SELECT * FROM deployments ORDER BY deployment_id")).mappings().all()
    names = ("deployment_id", "from_version", "to_version", "approval_id", "decision_id", "reason", "moved_by")
    for row in rows:
        facts = {name: row[name] for name in names}
        ledger.append(connection, f"{row['kind']}.intent", facts)
        ledger.append(connection, f"{row['kind']}.done", {**facts, "finished_at": row["finished_at"].astimezone(UTC)})


def divide_by_months(connection: psycopg.Connection[tuple[object, ...]], first: datetime, last: datetime) -> None:
    """Partitions as they come about in the months from `first` to `last`, in a database without tweets."""
    row = connection.execute("SELECT upper_id FROM tweet_partitions WHERE name = 'tweets_first'").fetchone()
    assert row is not None
    months = [first.replace(day=1, hour=0, minute=0, second=0, microsecond=0)]
    while months[-1] <= last:
        months.append((months[-1] + timedelta(days=32)).replace(day=1))
    bounds = ["MINVALUE", *(str(first_id(month)) for month in months)]
    bounds = [*(bound for bound in bounds if bound == "MINVALUE" or int(bound) < int(str(row[0]))), str(row[0])]
    for parent in ("tweets", "predictions"):
        connection.execute(f"DROP TABLE {parent}_first")
        for number, (low, high) in enumerate(pairwise(bounds)):
            name = f"{parent}_{number or 'first'}"
            connection.execute(f"CREATE TABLE {name} PARTITION OF {parent} FOR VALUES FROM ({low}) TO ({high})")


def fill(connection: psycopg.Connection[tuple[object, ...]], stored: Stored) -> None:
    """Fill a migrated database, outside of a transaction. Version 1 serves, version 2 did before."""
    moved = NEWEST - SERVES_FOR
    values = {
        "first": stored.first,
        "newest": NEWEST,
        "moved": moved,
        "rescored": moved - timedelta(days=60),
        "rate": stored.rate,
        "rows": stored.rows,
        # an audit sample of a small rate has fewer draws than the auditor could label
        "labels": min(LABELS_A_DAY, max(1, stored.rate // 125)),
    }
    divide_by_months(connection, stored.first, NEWEST)
    connection.execute(PREPARE)
    for statement in (INGESTS, TWEETS, PREDICTIONS, RESCORED, AUDIT, LABELS, LABELLED):
        connection.execute(statement, values)
    for last in FINISH:
        connection.execute(last)
