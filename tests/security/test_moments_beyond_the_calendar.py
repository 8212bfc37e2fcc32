"""Rows with moments that no program can read, and requests to forget that say something else than they do."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

from sentiment_lib import clock
from sentiment_lib.errors import ErasureFailed
from sentiment_lib.policy import Policy
from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.erasure import forget, request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.steps.ingestion import ingest
from sentiment_lib.steps.operations import check_alerts, verify
from sentiment_lib.storage import alert_messages, alerts, api_keys, erasure_audit, erasure_requests, grants, ledger
from sentiment_lib.storage.engine import Store
from tests.conftest import as_role

DATABASE_ROLE = grants.APP
FIRST = 1_200_000_000_000_000_000
BEYOND = ("infinity", "-infinity", "200000-01-01", "0044-03-15 BC")
ASK = (
    "INSERT INTO erasure_requests (kind, requested_by, due_at, named, subject) VALUES "
    "(:kind, 'desk', CAST(:due AS timestamptz), :named, CAST(:subject AS jsonb)) RETURNING request_id"
)
TARGET = "INSERT INTO erasure_targets (request_id, tweet_id) SELECT :request, unnest(CAST(:ids AS bigint[]))"


@pytest.fixture
def api(database_url, settings):
    """The store of the API."""
    opened = Store(as_role(database_url, grants.API), tombstones=settings.tombstones)
    yield opened
    opened.close()


@pytest.fixture
def console(database_url):
    """The store of the console."""
    opened = Store(as_role(database_url, grants.CONSOLE))
    yield opened
    opened.close()


@pytest.fixture
def tweets(store, settings, tmp_path):
    """Ids of stored tweets, and the file that they came from; a privacy desk has a key."""
    path = tmp_path / "in.csv"
    ids = [FIRST + n for n in range(6)]
    lines = [f"{number},@united late again {number},2026-01-01T00:00:00Z,who{number}" for number in ids]
    path.write_text("tweet_id,text,created_at,author\n" + "\n".join(lines) + "\n")
    ingest.run(store, settings, FileSource(path))
    run(store, "INSERT INTO api_keys (name, roles, key_hash) VALUES ('desk', '{privacy}', 'desk')")
    return ids


def run(store, statement, **values):
    with store.begin() as connection:
        done = connection.execute(text(statement), values)
        return done.scalar() if done.returns_rows else None


def ask(connection, *, kind="tweets", due="tomorrow", named=0, subject=None):
    values = {"kind": kind, "due": due, "named": named, "subject": subject}
    return connection.execute(text(ASK), values).scalar_one()


def ask_for(connection, tweets, named, *, early=False):
    request = ask(connection, named=named)
    if early:
        connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    connection.execute(text(TARGET), {"request": request, "ids": tweets})
    return request


def test_every_column_of_moments_and_days_has_a_check(owner):
    query = (
        "SELECT c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 "
        "AND NOT a.attisdropped AND a.atttypid IN ('timestamptz'::regtype, 'date'::regtype) AND NOT EXISTS ("
        "SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum] "
        "AND pg_get_constraintdef(k.oid) LIKE '%isfinite%')"
    )
    with owner.begin() as connection:
        assert connection.execute(text(query)).scalars().all() == []


@pytest.mark.parametrize("moment", BEYOND)
def test_no_role_stores_a_moment_beyond_the_calendar(store, api, console, tweets, moment):
    with store.begin() as connection:
        alerts.open_alert(connection, "verify", "warning", "verify", "a title")
    for role, statement in (
        (api, "UPDATE api_keys SET last_used_at = CAST(:at AS timestamptz)"),
        (console, "UPDATE alerts SET last_seen_at = CAST(:at AS timestamptz)"),
        (store, "UPDATE alerts SET resolved_at = CAST(:at AS timestamptz)"),
        (
            api,
            "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
            f"VALUES ({FIRST}, 'negative', 'person', 'desk', CAST(:at AS timestamptz))",
        ),
        (
            store,
            "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) "
            "SELECT 5, 'late', CAST(:at AS timestamptz), max(ingest_id) FROM ingests",
        ),
    ):
        with pytest.raises(IntegrityError, match="in_calendar"):
            run(role, statement, at=moment)
    with pytest.raises(IntegrityError, match="in_calendar"), api.begin() as connection:
        ask(connection, due=moment)


@pytest.mark.parametrize("due", ["yesterday", "9998-01-01"])
def test_a_request_of_the_api_is_due_within_400_days(api, tweets, due):
    with pytest.raises(ProgrammingError, match="the API stores no such row"), api.begin() as connection:
        ask(connection, due=due)


def test_rows_from_before_the_checks_stop_nobody(store, owner, settings, tweets):
    key = "ck_{}_in_calendar"
    checks = {"erasure_requests": "due_at", "alerts": "last_seen_at", "api_keys": "last_used_at"}
    with owner.begin() as connection:
        for table, column in checks.items():
            connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {key.format(f'{table}_{column}')}"))
    honest = request_erasure.run(store, settings, ErasureOrder(tweet_ids=tweets[:1], requested_by="desk"))
    with store.begin() as connection:
        alerts.open_alert(connection, "verify", "critical", "verify", "a title")
    with owner.begin() as connection:
        bad = ask(connection, due="infinity")
        for table, column in checks.items():
            if table != "erasure_requests":
                connection.execute(text(f"UPDATE {table} SET {column} = 'infinity'"))
            definition = f"CHECK (isfinite({column})) NOT VALID"
            name = key.format(f"{table}_{column}")
            connection.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"))
    with pytest.raises(ErasureFailed, match=f"request {bad}: IntegrityError"):
        forget.run(store, settings, models=False)
    assert run(store, "SELECT count(*) FROM tweets") == len(tweets) - 1
    with store.begin() as connection:
        states = {one.request_id: one.state for one in erasure_requests.newest(connection, 10)}
        assert api_keys.count_living(connection) == 1
        assert len(api_keys.list_keys(connection)) == 1
        (found,) = alert_messages.delivery_state(connection, "receiver", clock.now())
    assert states == {honest: "done", bad: "received"}
    assert found.alert.last_seen_at.year == 9000
    check_alerts.run(store, settings)
    with store.begin() as connection:
        assert not alerts.open_keys(connection, (check_alerts.RULE_FAILED,))
    with store.one_moment() as connection:
        problems = verify.records(connection)
    assert not [problem for problem in problems if "cannot be read" in problem]


def test_a_rule_and_a_check_that_fail_are_told_and_stop_no_others(store, owner, settings, tweets):
    with owner.begin() as connection:
        connection.execute(text("REVOKE SELECT ON backups, person_tokens FROM sentiment_app"))
        alerts.open_alert(connection, "label_backlog", "warning", "label_backlog", "fires no more")
        alerts.open_alert(connection, "backup_overdue", "critical", "backup_overdue", "nobody knows")
    check_alerts.run(store, settings)
    with store.begin() as connection:
        found = {one.dedup_key: one.severity for one in alerts.list_alerts(connection)}
    assert found["rule_failed/backup_overdue"] == "critical"
    assert "backup_overdue" in found
    assert "label_backlog" not in found
    with store.one_moment() as connection:
        problems = verify.records(connection)
    assert any(problem.startswith("the check of against ledger stopped") for problem in problems)
    with owner.begin() as connection:
        grants.apply(connection)
    check_alerts.run(store, settings)
    with store.begin() as connection:
        assert "rule_failed/backup_overdue" not in {one.dedup_key for one in alerts.list_alerts(connection)}


@pytest.mark.parametrize("named", [0, 5, 7])
def test_a_request_of_the_api_names_as_many_tweets_as_it_is_about(api, store, tweets, named):
    for early in (False, True):
        with pytest.raises(ProgrammingError, match="the API stores no such row"), api.begin() as connection:
            ask_for(connection, tweets, named, early=early)
    assert run(store, "SELECT count(*) FROM erasure_requests") == 0


def test_a_request_without_tombstones_is_told_and_its_tweets_stay_away(store, api, settings, tweets, tmp_path):
    few = settings.model_copy(update={"policy": Policy(erasure={"large_request": 6})})
    with api.begin() as connection:
        request = ask_for(connection, tweets, 6)
    forget.run(store, settings, models=False)
    check_alerts.run(store, few)
    with store.begin() as connection:
        assert f"large_erasure/{request}" in {one.dedup_key for one in alerts.list_alerts(connection)}
        assert ledger.find_genuine(connection, erasure_audit.RECEIVED, {"request_id": request}).facts()["named"] == 6
        assert erasure_audit.made(connection) == []
    assert run(store, "SELECT count(*) FROM tombstones") == len(tweets)
    assert ingest.run(store, settings, FileSource(tmp_path / "in.csv")).forgotten == len(tweets)


def test_a_request_counts_as_large_by_its_targets_whatever_it_says(store, settings, tweets):
    few = settings.model_copy(update={"policy": Policy(erasure={"large_request": 6})})
    with store.begin() as connection:
        request = ask_for(connection, tweets, 0)
    for step in (lambda: None, lambda: forget.run(store, settings, models=False)):
        step()
        run(store, "UPDATE alerts SET resolved_at = now() WHERE kind = 'large_erasure'")
        check_alerts.run(store, few)
        with store.begin() as connection:
            assert f"large_erasure/{request}" in {one.dedup_key for one in alerts.list_alerts(connection)}


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        *(("author", bad) for bad in ("[1]", '"x"', '{"author": 5}', '{"author": null}', '{"author": " "}', None)),
        *(("author", bad) for bad in ('{"author": "x", "word": "y"}', "{}", "null")),
        ("tweets", '{"author": "united"}'),
    ],
)
def test_a_subject_is_the_name_of_an_author_and_of_an_authors_request_alone(api, tweets, kind, subject):
    with (
        pytest.raises((IntegrityError, ProgrammingError, DataError), match=r"subject_of_author|stores no such row"),
        api.begin() as connection,
    ):
        ask(connection, kind=kind, subject=subject)


def test_the_api_asks_to_forget_an_author(api, store, settings, tweets, tmp_path):
    order = ErasureOrder(author=f"who{FIRST}", requested_by="desk", recorded=False)
    request_erasure.run(api, settings, order)
    forget.run(store, settings, models=False)
    assert run(store, "SELECT count(*) FROM tweets") == len(tweets) - 1
    assert ingest.run(store, settings, FileSource(tmp_path / "in.csv")).forgotten == 1
