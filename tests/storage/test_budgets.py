"""Budgets: use and forecast from what is stored, sampling to stay below the cap, and no stop without saying so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from typer.testing import CliRunner

from sentiment_lib.cli import build
from sentiment_lib.console import health
from sentiment_lib.errors import BadSource
from sentiment_lib.policy import BudgetPolicy, Policy
from sentiment_lib.settings import Settings
from sentiment_lib.steps.ingestion import ingest
from sentiment_lib.steps.operations import check_alerts, platform_metrics
from sentiment_lib.storage import budgets, grants, polls
from sentiment_lib.storage.polls import Poll
from tests.unit.sources import test_x_api as x_answers

pytest.importorskip("tweepy", reason="tweepy is not installed (extra x)")

#: Steps run as the platform runs them.
DATABASE_ROLE = grants.APP
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
x_server = x_answers.x_server


def add_poll(connection, polled_at, reads, *, until=None, hours=24.0, share=1.0, refusal=None):
    """A poll at that moment, of the hours before `until` (default: before it)."""
    ingest_id = connection.execute(
        text("INSERT INTO ingests (source, finished_at) VALUES ('x', now()) RETURNING ingest_id")
    ).scalar_one()
    end = until or polled_at
    period = {"read_from": end - timedelta(hours=hours), "read_until": end}
    poll = Poll(
        ingest_id=ingest_id, source="x", polled_at=polled_at, reads=reads, share=share, refusal=refusal, **period
    )
    polls.record(connection, poll)


def of_month(store, now=NOW, **caps):
    with store.begin() as connection:
        return {one.name: one for one in budgets.of_month(connection, BudgetPolicy(**caps), now)}


def open_alerts(store):
    with store.begin() as connection:
        rows = connection.execute(
            text("SELECT dedup_key, title || ' ' || body AS said FROM alerts WHERE resolved_at IS NULL")
        )
        return {row.dedup_key: row.said for row in rows}


def with_cap(settings, x_reads, **more):
    policy = Policy(budget=BudgetPolicy(x_reads=x_reads, **more))
    return settings.model_copy(update={"policy": policy, "x_bearer_token": SecretStr("a token")})


def days_of_reads(store, now=NOW, daily=100, share=1.0, days=20):
    """A poll at the end of each of the last days."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    with store.begin() as connection:
        for number in range(days):
            add_poll(connection, midnight - timedelta(days=number), round(daily * share), share=share)


def test_reads_are_counted_and_forecast_and_a_sample_stands_for_the_whole(store):
    days_of_reads(store, share=0.5)
    found = of_month(store, x_reads=1500)["X reads"]
    assert found.used == 20 * 50, "what was read, not what it stands for"
    assert found.forecast.daily == pytest.approx(100)
    assert found.forecast.days == 13
    assert found.forecast.value == pytest.approx(1000 + 9.5 * 100)
    assert found.share == pytest.approx(500 / 950)
    assert (found.above_cap, found.used_up) == (True, False)
    assert of_month(store, x_reads=2000)["X reads"].share == 1
    assert of_month(store, x_reads=1000)["X reads"].share == 0
    assert of_month(store, now=datetime(2026, 12, 1, 1, tzinfo=UTC), x_reads=1000)["X reads"].used == 0
    assert of_month(store) == {}


def test_hours_of_training_and_labelling_are_counted_from_versions_and_labels(store):
    with store.begin() as connection:
        for number, day in enumerate((1, 19, 20, 21), start=1):
            connection.execute(
                text(
                    "INSERT INTO model_versions (version, family, digest, run_id, training_key, cost, created_at) "
                    "VALUES (:n, 'vader', 'd', 'r' || :n, 'k' || :n, "
                    "'{\"train_seconds\": 1800}', make_date(2026, 11, :day))"
                ),
                {"n": number, "day": day},
            )
        connection.execute(
            text(
                "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at, stored_at) "
                "SELECT n, 'neutral', CASE WHEN n <= 30 THEN 'audit' "
                "WHEN n <= 60 THEN 'person' ELSE 'dataset' END, 'ann', "
                "'2026-11-20Z', '2026-11-20 10:00Z' FROM generate_series(1, 90) n"
            )
        )
    found = of_month(store, training_hours=2, labelling_hours=10, label_seconds=60)
    training, labelling = found["training"], found["labelling"]
    assert (training.used, training.used_up, training.share) == (2.0, True, None)
    # the fourteen days before the 21st, two of them with half an hour
    assert training.forecast.value == pytest.approx(2 + 9.5 / 14)
    assert labelling.used == pytest.approx(1.0), "labels of data sets cost nobody's time"
    assert labelling.forecast.value == pytest.approx(1 + 9.5 * 1)


def test_a_forecast_above_the_cap_warns_and_says_what_sampling_costs(store):
    days_of_reads(store, daily=1000)
    settings = Settings(policy=Policy(budget=BudgetPolicy(x_reads=22_000)))
    check_alerts.run(store, settings, at=NOW)
    said = open_alerts(store)["budget_forecast/X reads"]
    assert "20,000 of 22,000 reads (91%), $100.00" in said
    assert "29,500 reads by 2026-12-01 without sampling" in said
    assert "21.1% of the time is read" in said
    assert "grows from" in said
    with store.begin() as connection:
        sampled = health.view(connection, settings.policy)["budgets"]
    assert len(sampled) == 1
    check_alerts.run(store, Settings(policy=Policy(budget=BudgetPolicy(x_reads=40_000))), at=NOW)
    check_alerts.run(
        store, Settings(policy=Policy(budget=BudgetPolicy(x_reads=40_000))), at=NOW + timedelta(minutes=20)
    )
    assert "budget_forecast/X reads" not in open_alerts(store)


def test_a_poll_within_the_budget_is_sampled_and_recorded_with_its_share(store, settings, x_server):
    now = datetime.now(UTC)
    with store.begin() as connection:
        add_poll(connection, now, 100, until=now - timedelta(hours=3), hours=12)
    host, seen = x_server(x_answers.page(2, 1), x_answers.EMPTY)
    # 200 a day: on the last hours of a month everything may be read
    (result,) = ingest.run_polled(store, with_cap(settings, 130).model_copy(update={"x_url": host}))
    with store.begin() as connection:
        poll = polls.newest(connection, "x")
    expected = min(1.0, 30 / (200 * ((budgets.month(now)[1] - now) / timedelta(days=1))))
    assert poll.ingest_id == result.ingest_id
    assert poll.share == pytest.approx(expected, rel=0.02)
    assert poll.reads == (2 if seen else 0)
    assert all("start_time" in query for _, query, _ in seen)


def test_without_a_cap_everything_is_read_and_counted(store, settings, x_server):
    host, seen = x_server(x_answers.page(2, 1))
    ready = settings.model_copy(update={"x_url": host, "x_bearer_token": SecretStr("a token")})
    ingest.run_polled(store, ready)
    with store.begin() as connection:
        poll = polls.newest(connection, "x")
    assert (poll.reads, poll.share) == (2, 1.0)
    assert "start_time" not in seen[0][1]


def test_a_used_up_budget_stops_x_and_says_so_everywhere(store, settings, x_server, database_url, monkeypatch):
    with store.begin() as connection:
        add_poll(connection, datetime.now(UTC), 500)
    host, seen = x_server(x_answers.EMPTY)
    ready = with_cap(settings, 500).model_copy(update={"x_url": host})
    (result,) = ingest.run_polled(store, ready)
    assert (result.received, seen) == (0, [])
    assert "cap of 500 reads is used up" in result.notes[0]
    check_alerts.run(store, ready)
    assert "Nothing is read from X until" in open_alerts(store)["budget_used/X reads"]
    values = {(one.name, *dict(one.labels).values()): one.value for one in platform_metrics.run(store, ready)}
    assert values["sentiment_budget_used", "x_reads"] == 500
    assert values["sentiment_budget_sampled_share", "x_reads"] == 0
    monkeypatch.setenv("SENTIMENT_HOME", str(settings.home))
    monkeypatch.setenv("SENTIMENT_DATABASE_URL", database_url)
    monkeypatch.setenv("SENTIMENT_POLICY__BUDGET__X_READS", "500")
    printed = CliRunner().invoke(build(), ["budget"])
    assert printed.exit_code == 0, printed.output
    assert "500 of 500 reads (100%), $2.50" in printed.stdout
    assert "Nothing is read from X until" in printed.stdout


def test_a_cap_of_the_account_is_recorded_and_alerts_until_x_answers_again(store, settings, x_server):
    host, _ = x_server(x_answers.USAGE_CAPPED, x_answers.page(2, 1))
    ready = settings.model_copy(update={"x_url": host, "x_bearer_token": SecretStr("a token")})
    with pytest.raises(BadSource, match="cap of the account is used up"):
        ingest.run_polled(store, ready)
    now = datetime.now(UTC)
    check_alerts.run(store, ready, at=now)
    assert "Monthly product cap" in open_alerts(store)["budget_used/X account"]
    ingest.run_polled(store, ready)
    check_alerts.run(store, ready, at=now + timedelta(minutes=1))
    check_alerts.run(store, ready, at=now + timedelta(minutes=20))
    assert "budget_used/X account" not in open_alerts(store)
