"""What a version, its ancestors and its teachers learned from tells nothing about its quality."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import text

from sentiment_lib.drift import quality_text
from sentiment_lib.records import Window
from sentiment_lib.settings import Settings
from sentiment_lib.steps.monitoring import check_drift
from sentiment_lib.storage import daily_quality, drift_reports, training_rows
from tests.conftest import deploy, put_into_snapshot

END = datetime(2026, 3, 9, 12, tzinfo=UTC)
WORDS = ["thanks", "help", "seat", "gate", "crew", "coffee", "today", "tomorrow", "great", "fine", "window", "trip"]
TRAINED_UNTIL = END - timedelta(days=2, hours=12)


def fill(store, *, per_day=400, days=8):
    """A stream in which nothing changes. Version 1 is right on 98 % of what it learned from and on 75 % of the rest.

    Version 2 was warm-started from it and has no snapshot of its own.
    """
    random, rows = np.random.default_rng(3), []
    for number in range(days * per_day):
        at = END - timedelta(days=days) + timedelta(days=number / per_day)
        right = random.random() < (0.98 if at < TRAINED_UNTIL else 0.75)
        true = "negative" if random.random() < 0.6 else "positive"
        guess = true if right else {"negative": "positive", "positive": "negative"}[true]
        sure = float(random.beta(30, 1) if at < TRAINED_UNTIL else random.beta(6, 2) / 2 + 0.5)
        p_negative = round(sure if guess == "negative" else 1 - sure, 6)
        rows.append(
            {
                "id": number + 1,
                "text": " ".join(random.choice(WORDS, 9)),
                "at": at,
                "true": true,
                "guess": guess,
                "n": p_negative,
                "p": 1 - p_negative,
            }
        )
    parents = json.dumps({"inputs": {"start": {"version": 1, "digest": "d"}}})
    with store.begin() as connection:
        for statement, values in (
            ("INSERT INTO ingests (source) VALUES ('test')", {}),
            (
                "INSERT INTO snapshots (content_hash, split_at, train_rows, holdout_rows, uri, policy) "
                "VALUES ('h', :split, 1, 1, 'u', '{}')",
                {"split": TRAINED_UNTIL},
            ),
            (
                "INSERT INTO model_versions (version, family, digest, run_id, training_key, snapshot_id, training) "
                "VALUES (1, 'vader', 'd', 'r', 'k', 1, '{}'), (2, 'vader', 'd', 's', 'l', NULL, CAST(:p AS jsonb))",
                {"p": parents},
            ),
        ):
            connection.execute(text(statement), values)
        deploy(connection, 1)
        connection.execute(
            text("INSERT INTO tweets (tweet_id, text, created_at, ingest_id) VALUES (:id, :text, :at, 1)"), rows
        )
        for version in (1, 2):
            connection.execute(
                text(
                    "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
                    f"VALUES (:id, {version}, :guess, :n, 0, :p)"
                ),
                rows,
            )
        connection.execute(
            text(
                "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at, inclusion_probability) "
                "VALUES (:id, :true, 'audit', 'local', :at, 0.5)"
            ),
            rows,
        )
        parts = "SELECT tweet_id, 'negative', CASE WHEN created_at < :split THEN 'train' ELSE 'holdout' END FROM tweets"
        put_into_snapshot(connection, 1, parts, split=TRAINED_UNTIL)


@pytest.mark.parametrize("version", [1, 2])
def test_predictions_for_tweets_learned_from_enter_no_window_and_no_day(store, version):
    fill(store)
    window = Window(start=END - timedelta(days=8), end=END)
    with store.begin() as connection:
        assert training_rows.learned_snapshots(connection, [version]) == [1]
        rows = drift_reports.window_rows(connection, window, version, rows=10_000, seed=1, auditors=["local"])
        labelled = daily_quality.labelled_rows(connection, window, version, auditors=["local"])
    assert len(rows) == 3200
    scored = rows[rows["p_negative"].notna()]
    assert scored["created_at"].min() >= TRAINED_UNTIL
    assert len(scored) == len(labelled) == 1000
    assert scored["predicted_label"].notna().all()


def test_the_check_after_a_promotion_finds_no_drift_and_no_loss_where_nothing_changed(store, tmp_path):
    fill(store)
    report = check_drift.run(store, Settings(home=tmp_path), at=END)
    assert (report.verdict, report.severity, report.wants_retrain) == ("stable", None, False)
    assert abs(report.loss) < 0.06


def test_without_fair_rows_the_report_says_that_quality_is_unknown(store, tmp_path):
    fill(store)
    with store.begin() as connection:
        connection.execute(text("UPDATE frozen_rows SET part = 'train'"))
        connection.execute(
            text("UPDATE tweets SET text = 'storm ' || text WHERE created_at > :day"), {"day": END - timedelta(days=1)}
        )
    report = check_drift.run(store, Settings(home=tmp_path), at=END)
    assert (report.verdict, report.severity, report.loss) == ("drift", "warning", None)
    assert quality_text.UNKNOWN in report.details["summary"]
