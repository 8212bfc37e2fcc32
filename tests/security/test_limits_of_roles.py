"""What a role of the database may add stops no step that meets it: alerts, partitions, airlines, weights of labels."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sentiment_lib import clock
from sentiment_lib.alerts import catalog
from sentiment_lib.alerts.rule import Firing, Rule
from sentiment_lib.steps.operations import check_alerts
from sentiment_lib.storage import alerts, grants, partitions
from sentiment_lib.storage.engine import Store
from tests.conftest import as_role

DATABASE_ROLE = grants.APP
ALERT = "INSERT INTO alerts (kind, severity, dedup_key, title, body, count) VALUES "


@pytest.fixture
def as_duty(database_url):
    """One statement in a role of the platform."""

    def execute(role, statement):
        store = Store(as_role(database_url, role))
        try:
            with store.begin() as connection:
                return connection.execute(text(statement))
        finally:
            store.close()

    return execute


def opened(store):
    with store.begin() as connection:
        return [(one.kind, one.dedup_key, one.count) for one in alerts.list_alerts(connection)]


def test_no_advisory_lock_of_a_reader_holds_up_an_alert(store, database_url):
    reader = Store(as_role(database_url, grants.API))
    with reader.begin() as connection:
        connection.execute(text("SELECT pg_advisory_lock(hashtextextended('no_tweets', 7))"))
        with store.begin() as step:
            step.execute(text("SET LOCAL lock_timeout = '1s'"))
            alerts.open_alert(step, "no_tweets", "warning", "no_tweets", "No tweets")
    reader.close()
    assert opened(store) == [("no_tweets", "no_tweets", 1)]


def test_two_that_reopen_one_alert_count_it_up(store, database_url):
    with store.begin() as connection:
        alerts.open_alert(connection, "drift", "warning", "drift", "Drift")
        alerts.resolve_by_key(connection, "drift")
        alerts.open_alert(connection, "drift", "warning", "drift", "Drift")
    assert opened(store) == [("drift", "drift", 2)]


@pytest.mark.parametrize(
    "values",
    [
        "('x', 'info', 'no_tweets', 'hi', '', 1)",
        "('dag_failure', 'critical', 'no_tweets', 'hi', '', 1)",
        "('dag_failure', 'critical', 'dag_failure/score', 'hi', '', 9223372036854775807)",
        "('dag_failure', 'critical', 'dag_failure/score', 'hi', repeat('x', 1000000), 1)",
        "('dag_failure', 'critical', 'dag_failure/' || repeat('x', 1000), 'hi', '', 1)",
    ],
)
def test_the_console_opens_alerts_of_failed_runs_alone(as_duty, values):
    with pytest.raises(DBAPIError, match=r"opens no such alert|check constraint"):
        as_duty(grants.CONSOLE, ALERT + values)
    as_duty(grants.CONSOLE, ALERT + "('dag_failure', 'critical', 'dag_failure/score', 'The DAG failed', '', 1)")


def test_a_long_alert_is_cut_and_a_full_count_stays(store):
    with store.begin() as connection:
        for _ in range(2):
            alerts.open_alert(connection, "drift", "warning", "k" * 9000, "t" * 9000, "b" * 90_000)
        alerts.open_alert(connection, "drift", "warning", "k" * 8999, "other")
        connection.execute(text("UPDATE alerts SET count = 2000000000 WHERE title = 'other'"))
        alerts.open_alert(connection, "drift", "warning", "k" * 8999, "other")
    assert [(len(key), count) for _, key, count in opened(store)] == [(500, 2_000_000_000), (500, 2)]
    with store.begin() as connection:
        assert alerts.resolve_by_key(connection, "k" * 9000)


def test_an_alert_that_cannot_be_stored_is_told_and_stops_no_other(store, settings, monkeypatch):
    open_alert = alerts.open_alert

    def refusing(connection, kind, *rest):
        if kind == "no_tweets":
            connection.execute(text("SELECT 1 / 0"))
        return open_alert(connection, kind, *rest)

    monkeypatch.setattr(alerts, "open_alert", refusing)
    always = (
        Rule(kind=kind, severity="warning", check=lambda *_: [Firing(title="t")]) for kind in ("no_tweets", "drift")
    )
    monkeypatch.setattr(catalog, "RULES", tuple(always))
    for _ in range(2):
        assert check_alerts.run(store, settings).resolved == 0
    assert opened(store) == [("drift", "drift", 2), ("rule_failed", "rule_failed/no_tweets", 2)]


@pytest.mark.parametrize("step", ["1", "3600000::bigint << 22", "86400001::bigint << 22"])
def test_a_partition_ends_with_a_day(as_duty, store, step):
    newest = "SELECT max(upper_id) FROM tweet_partitions WHERE NOT is_api"
    with pytest.raises(DBAPIError, match="ends with a day"):
        as_duty(grants.API, f"SELECT add_partition(({newest}) + ({step}))")
    assert as_duty(grants.API, f"SELECT add_partition(({newest}) + (86400000::bigint << 22))").scalar()
    with store.begin() as connection:
        assert partitions.add_missing(connection, clock.now() + timedelta(days=300), "week")


def test_an_airline_is_no_text_and_a_weight_has_a_bound(as_duty, store):
    with store.begin() as connection:
        connection.execute(text("INSERT INTO ingests (source) VALUES ('test')"))
    tweet = "INSERT INTO tweets (tweet_id, text, created_at, ingest_id, airline) VALUES (7, 'late', now(), 1, {})"
    with pytest.raises(DBAPIError, match="check constraint"):
        as_duty(grants.APP, tweet.format("repeat('x', 8000)"))
    as_duty(grants.APP, tweet.format("'Delta'"))
    as_duty(
        grants.APP,
        "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
        "VALUES (7, 'neutral', 'audit', 'ann', now())",
    )
    with pytest.raises(DBAPIError, match="check constraint"):
        as_duty(grants.APP, "UPDATE labels SET inclusion_probability = 1e-300")
