"""What is past its retention goes, with nothing that evidence rests on; sizes are told."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sentiment_lib.records import API_IDS_FROM
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.steps.operations import retention
from sentiment_lib.steps.scoring import daily_sentiment
from sentiment_lib.storage import grants, ledger, migrate, orphans, partitions
from sentiment_lib.storage.retention import BATCH, newest_sizes
from sentiment_lib.tweet_ids import first_id

DATABASE_ROLE = grants.APP
NOW = datetime.now(UTC)


def count(store, table):
    with store.begin() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def test_rows_past_their_retention_are_removed_and_others_stay(store, settings, monkeypatch):
    with store.begin() as connection:
        for statement in (
            "INSERT INTO ingests (source, finished_at) VALUES ('test', now() - interval '1 year')",
            "INSERT INTO quarantine (ingest_id, row_number, reason, raw, quarantined_at) SELECT 1, n, 'r', 'x', "
            f"now() - interval '91 days' FROM generate_series(1, {BATCH + 5}) n",
            "INSERT INTO quarantine (ingest_id, row_number, reason, raw) VALUES (1, 0, 'r', 'x')",
            "INSERT INTO alerts (kind, severity, dedup_key, title, resolved_at) VALUES "
            "('a', 'info', 'a', 't', now() - interval '1 year'), ('a', 'info', 'b', 't', NULL)",
            "INSERT INTO alert_messages (alert_id, receiver, sent_at, event) SELECT alert_id, 'r', "
            "now() - interval '1 year', 'opened' FROM alerts",
        ):
            connection.execute(text(statement))
    found = retention.run(store, settings)
    assert {rule: count for rule, count in found.removed.items() if count} == {
        "quarantine": BATCH + 5,
        "alert_messages": 1,
    }
    assert (count(store, "quarantine"), count(store, "alert_messages"), count(store, "ingests")) == (1, 1, 1)
    assert set(retention.run(store, settings).removed.values()) == {0}
    assert found.tables["quarantine"] > 100 * BATCH / 10
    assert {"tweets", "predictions", "ledger"} <= set(found.tables)


def test_ingested_files_and_packages_go_but_waiting_files_and_champions_stay(store, settings):
    with store.begin() as connection:
        for statement in (
            "INSERT INTO model_versions (version, family, digest, run_id, training_key) VALUES "
            "(1, 'vader', 'served', 'r', 'k'), (2, 'vader', 'candidate', 's', 'l')",
            "INSERT INTO deployments (kind, to_version, state, finished_at) VALUES ('bootstrap', 1, 'done', now())",
        ):
            connection.execute(text(statement))
    landing, cache = settings.landing, settings.home / "cache" / "models"
    for path in ("waiting.csv", "claimed/plain__a.csv", "done/b.csv", "failed/c.csv", "failed/c.csv.why.txt"):
        (landing / path).parent.mkdir(parents=True, exist_ok=True)
        (landing / path).write_text("text\nlate\n")
    (landing / "done/link.csv").symlink_to(landing / "waiting.csv")
    for digest in ("served", "candidate"):
        (cache / digest).mkdir(parents=True)
        (cache / digest / "model.bin").write_bytes(b"x" * 1000)
    assert set(retention.run(store, settings, at=NOW + timedelta(days=29)).removed.values()) == {0}
    found = retention.run(store, settings, at=NOW + timedelta(days=31))
    assert (found.removed["landing"], found.removed["model_cache"]) == (4, 1)
    assert sorted(path.name for path in landing.rglob("*.csv")) == ["plain__a.csv", "waiting.csv"]
    assert [path.name for path in cache.iterdir()] == ["served"]
    assert found.folders["cache"] == 1000


def with_policy(settings, **rules):
    rules = settings.policy.retention.model_copy(update=rules)
    return settings.model_copy(update={"policy": settings.policy.model_copy(update={"retention": rules})})


def fill(store, ids, *, collected):
    """Tweets with these ids, each with a prediction that waits for a label."""
    with store.begin() as connection:
        for statement in (
            "INSERT INTO ingests (source) VALUES ('test')",
            "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
            "VALUES (1, 'vader', 'd', 'r', 'k') ON CONFLICT DO NOTHING",
        ):
            connection.execute(text(statement))
        values = [{"id": number, "at": collected} for number in ids]
        for statement in (
            "INSERT INTO tweets (tweet_id, text, created_at, collected_at, ingest_id) "
            "SELECT :id, 'late again', :at, :at, max(ingest_id) FROM ingests",
            "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive, predicted_at) "
            "VALUES (:id, 1, 'negative', 1, 0, 0, :at)",
            "INSERT INTO audit_sample (tweet_id, model_version, inclusion_probability) VALUES (:id, 1, 0.5)",
        ):
            connection.execute(text(statement), values)


def label(store, tweet_id):
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at, inclusion_probability) "
                "VALUES (:id, 'neutral', 'audit', 'local', now(), 0.5)"
            ),
            {"id": tweet_id},
        )


def ids_in(store, table):
    with store.begin() as connection:
        return set(connection.execute(text(f"SELECT tweet_id FROM {table}")).scalars())


@pytest.fixture
def bounds(owner):
    """Ids of 300 and of 200 days ago, between which a partition lies; the newest reaches into next month."""
    old, recent, end = (first_id(NOW + timedelta(days=days)) for days in (-300, -200, 40))
    with owner.begin() as connection:
        for parent in ("tweets", "predictions"):
            connection.execute(text(f"DROP TABLE {parent}_first"))
            for name, low, high in (("first", "MINVALUE", old), ("old", old, recent), ("recent", recent, end)):
                connection.execute(
                    text(f"CREATE TABLE {parent}_{name} PARTITION OF {parent} FOR VALUES FROM ({low}) TO ({high})")
                )
        # a test does not wait for seconds
        connection.execute(text("ALTER FUNCTION remove_partition(text, timestamptz) SET lock_timeout = '50ms'"))
    return old, recent


def names(store):
    with store.begin() as connection:
        return [part.name for part in partitions.stored(connection) if not part.is_api]


def test_old_partitions_go_but_for_what_people_labelled_or_was_collected_since(store, owner, settings, bounds):
    old, recent = bounds
    long_ago, lately = NOW - timedelta(days=150), NOW - timedelta(days=1)
    fill(store, [7, *range(old, old + 50), recent + 6, API_IDS_FROM + 1], collected=long_ago)
    fill(store, [old + 100, recent + 5], collected=lately)
    label(store, old + 3)
    assert set(retention.run(store, settings).removed.values()) == {0}, (
        "kept for ever, unless the policy says otherwise"
    )
    rules = with_policy(settings, tweets=timedelta(days=120), api_texts=timedelta(days=120))
    removed = retention.run(store, rules).removed
    # what is old in a partition that goes on stays until its end
    assert (removed["tweets"], removed["api_texts"]) == (50, 1)
    for table in ("tweets", "predictions", "audit_sample"):
        assert ids_in(store, table) == {old + 3, old + 100, recent + 5, recent + 6}, table
    assert ids_in(store, "tweets_to_score") == {old + 3, old + 100, recent + 5, recent + 6}
    assert names(store)[:2] == ["tweets_first", "tweets_recent"]
    with store.begin() as connection:
        assert partitions.stored(connection)[0].upper_id == recent
        facts = [entry.facts() for entry in ledger.genuine_entries(connection, ("tweets_removed",))]
        assert [(fact["what"], fact["tweets"]) for fact in facts] == [("tweets", 1), ("tweets", 49), ("api_texts", 1)]
        assert orphans.find(connection) == []
    with owner.begin() as connection:
        assert migrate.drift(connection) == []
    assert retention.run(store, rules).removed["tweets"] == 0


def test_days_of_which_tweets_were_removed_are_not_added_up_again(store, settings, bounds):
    old, recent = bounds
    day = NOW - timedelta(days=150)
    fill(store, range(old, old + 5), collected=day)
    fill(store, [recent], collected=NOW)
    label(store, old)
    assert daily_sentiment.run(store, 1, auditors=("local",)) == [day.date(), NOW.date()]
    retention.run(store, with_policy(settings, tweets=timedelta(days=120)))
    with store.begin() as connection:
        connection.execute(text("UPDATE sentiment_days SET computed_at = now() - interval '1 year'"))
    assert daily_sentiment.run(store, 1, auditors=("local",)) == [NOW.date()]
    with store.begin() as connection:
        counted = connection.execute(text("SELECT sum(tweets) FROM sentiment_days")).scalar_one()
    assert counted == 6


def test_a_first_partition_that_is_mostly_old_is_written_anew(store, settings, bounds):
    fill(store, range(1, 60), collected=NOW - timedelta(days=150))
    label(store, 5)
    assert retention.run(store, with_policy(settings, tweets=timedelta(days=120))).removed["tweets"] == 58
    assert ids_in(store, "tweets") == ids_in(store, "predictions") == {5}
    fill(store, [bounds[0] - 1], collected=NOW)  # a late one still has its place


def test_who_reads_for_long_is_not_kept_waiting_and_the_next_run_removes(store, settings, bounds):
    fill(store, [bounds[0]], collected=NOW - timedelta(days=150))
    rules = with_policy(settings, tweets=timedelta(days=120))
    with store.begin() as reader:
        reader.execute(text("SELECT count(*) FROM tweets"))
        assert retention.run(store, rules).removed["tweets"] == 0
    assert retention.run(store, rules).removed["tweets"] == 1


def test_no_role_removes_what_is_recent_or_out_of_order(store, bounds):
    for statement, problem in (
        ("SELECT remove_partition('tweets_first', now())", "kept for 110 days"),
        ("SELECT delete_old_tweets(false, now(), 5)", "kept for 110 days"),
        ("SELECT remove_partition('tweets_recent', now() - interval '120 days')", "not the oldest"),
        ("SELECT remove_partition('ledger', now() - interval '120 days')", "not the oldest"),
    ):
        with pytest.raises(DBAPIError, match=problem), store.begin() as connection:
            connection.execute(text(statement))


def test_logs_of_tasks_go(store, settings):
    tasks = settings.home / "logs/airflow/dag_id=a"
    tasks.mkdir(parents=True)
    for name, age in (("old.log", 31), ("new.log", 1)):
        (tasks / name).write_text("line")
        os.utime(tasks / name, ((NOW - timedelta(days=age)).timestamp(),) * 2)
    (settings.home / "logs/api.log").write_bytes(b"x" * 100_001)
    assert retention.run(store, settings).removed["logs"] == 1
    assert [path.name for path in tasks.iterdir()] == ["new.log"]
    with store.begin() as connection:
        assert newest_sizes(connection)[1]["logs/"] > 100_000


def test_runs_of_mlflow_that_led_to_no_version_go_with_their_files(store, settings, tracking):
    shutil.copy(tracking.empty, settings.home / "mlflow.db")
    client, experiment = Registry(settings).client, Registry(settings).experiment()
    runs = {}
    for name, parent in (("champion", None), ("trial of it", "champion"), ("failed", None), ("trial", "failed")):
        tags = {"mlflow.parentRunId": runs[parent]} if parent else {}
        runs[name] = client.create_run(experiment, run_name=name, tags=tags).info.run_id
        client.log_text(runs[name], "words", "notes.txt")
        client.set_terminated(runs[name], "FAILED" if name == "failed" else "FINISHED")
    running = client.create_run(experiment).info.run_id
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
                "VALUES (1, 'vader', 'd', :run, 'k')"
            ),
            {"run": runs["champion"]},
        )
    assert retention.remove_training_runs(store, settings, at=NOW + timedelta(days=179)) == 0
    assert retention.remove_training_runs(store, settings, at=NOW + timedelta(days=181)) == 2
    assert {run.info.run_id for run in client.search_runs([experiment])} == {
        runs["champion"],
        runs["trial of it"],
        running,
    }
    files = {path.parents[1].name for path in tracking.artifacts.rglob("notes.txt")}
    assert files >= {runs["champion"], runs["trial of it"]}
    assert not files & {runs["failed"], runs["trial"]}
    assert retention.remove_training_runs(store, settings, at=NOW + timedelta(days=181)) == 0
