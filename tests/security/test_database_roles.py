"""Each role of the database can do its duty and nothing else; an old database of one owner upgrades."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from sentiment_lib.storage import embedded_server, engine, grants, ledger, migrate, role_settings
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.tables import Base
from tests.conftest import as_role

#: What the owner can do to forge the books; every statement that changes something is undone by the refusal.
FORGERIES = (
    "ALTER TABLE ledger DISABLE TRIGGER USER",
    "SET session_replication_role = replica",
    "UPDATE ledger SET payload = '{}'",
    "DELETE FROM ledger",
    "TRUNCATE ledger",
    "DROP TABLE ledger",
    "DROP TRIGGER ledger_append_only ON ledger",
    "CREATE OR REPLACE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "DROP TRIGGER ledger_in_order ON ledger",
    "CREATE OR REPLACE FUNCTION ledger_keeps_order() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE TABLE mine (a int)",
    "CREATE TRIGGER mine BEFORE INSERT ON tweets EXECUTE FUNCTION ledger_is_append_only()",
    "SET ROLE postgres",
    "UPDATE approvals SET answered_by = 'admin'",
    "DELETE FROM approvals",
    "UPDATE decisions SET verdict = 'PROMOTE'",
    "UPDATE evaluations SET evidence = '{}'",
    "UPDATE deployments SET to_version = 2",
    "UPDATE deployments SET approval_id = 1",
    "UPDATE snapshots SET uri = 'other'",
    "UPDATE frozen_rows SET label = 'positive'",
    "UPDATE model_versions SET digest = 'other'",
    "UPDATE tweets SET text = 'other'",
    "UPDATE labels SET label = 'positive'",
    "UPDATE predictions SET label = 'positive'",
    "UPDATE alembic_version SET version_num = '0000'",
    "TRUNCATE predictions CASCADE",
)
#: Tables of which the API sees nothing.
HIDDEN_FROM_API = (
    "ledger",
    "approvals",
    "decisions",
    "evaluations",
    "snapshots",
    "person_tokens",
    "alerts",
    "quarantine",
)


@pytest.fixture
def as_duty(database_url):
    """Run one statement as a role."""
    stores = {role: Store(as_role(database_url, role)) for role in grants.ROLES}

    def run(role, statement):
        with stores[role].begin() as connection:
            return connection.execute(text(statement))

    yield run
    for store in stores.values():
        store.close()


def refuses(as_duty, role, statement):
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        as_duty(role, statement)


@pytest.mark.parametrize("role", grants.ROLES)
def test_no_role_can_forge_the_books(as_duty, store, role):
    with store.begin() as connection:
        ledger.append(connection, "note", {"a": 1})
    for statement in FORGERIES:
        refuses(as_duty, role, statement)
    with store.begin() as connection:
        assert [entry.kind for entry in ledger.entries(connection)] == ["note"]
        assert (
            connection.scalar(text("SELECT count(*) FROM pg_trigger WHERE tgenabled = 'O' AND NOT tgisinternal")) == 33
        )


def test_the_app_appends_to_the_ledger(as_duty, database_url):
    store = Store(as_role(database_url, grants.APP))
    with store.begin() as connection:
        ledger.append(connection, "note", {"a": 1})
    store.close()
    assert as_duty(grants.CONSOLE, "SELECT count(*) FROM ledger").scalar_one() == 1


#: Columns of rows that would stop every later append, or drag its time along.
OUT_OF_ORDER = {
    "the largest number": {"sequence": "9223372036854775807"},
    "a number left out": {"sequence": "newest.sequence + 2"},
    "another row before it": {"previous_hash": "repeat('a', 64)"},
    "the far future": {"recorded_at": "'2999-01-01'"},
    "ten minutes ahead": {"recorded_at": "now() + interval '10 minutes'"},
    "the day before": {"recorded_at": "newest.recorded_at - interval '1 day'"},
}


@pytest.mark.parametrize("out_of_order", OUT_OF_ORDER)
def test_no_insert_of_the_app_stops_later_appends(as_duty, store, out_of_order):
    with store.begin() as connection:
        ledger.append(connection, "note", {"a": 1})
    columns = {
        "sequence": "newest.sequence + 1",
        "previous_hash": "newest.entry_hash",
        "recorded_at": "greatest(now(), newest.recorded_at)",
    }
    insert = (
        "WITH newest AS (SELECT * FROM ledger ORDER BY sequence DESC LIMIT 1) INSERT INTO ledger "
        "(kind, payload, entry_hash, signature, sequence, previous_hash, recorded_at) "
        "SELECT 'vote', 'not json', 'x', 'x:AAAA', {sequence}, {previous_hash}, {recorded_at} FROM newest"
    )
    with pytest.raises(IntegrityError, match="does not follow"):
        as_duty(grants.APP, insert.format(**columns | OUT_OF_ORDER[out_of_order]))
    # a temporary table of the same name does not stand in for the ledger
    forged = f"CREATE TEMP TABLE ledger AS SELECT * FROM public.ledger; UPDATE ledger SET sequence = {2**63 - 2}"
    with pytest.raises(IntegrityError, match="does not follow"):
        as_duty(grants.APP, f"{forged}; INSERT INTO public.ledger VALUES ({2**63 - 1}, 'x', '', '', 'y', now())")
    with store.begin() as connection:
        assert ledger.append(connection, "note", {"a": 2}).sequence == 2
        assert ledger.broken(connection) == []


def test_sessions_of_api_and_console_end_what_takes_too_long(postgres_server, database_url, as_duty):
    with psycopg.connect(postgres_server.url("postgres").replace("+psycopg", ""), autocommit=True) as connection:
        embedded_server.limit_sessions(connection, grants.ROLES)
        try:
            for role in (grants.API, grants.CONSOLE):
                for name, value in (("statement_timeout", "30s"), ("lock_timeout", "5s")):
                    assert as_duty(role, f"SHOW {name}").scalar_one() == value
            assert as_duty(grants.APP, "SHOW lock_timeout").scalar_one() == "0"
        finally:
            for role in grants.ROLES:
                connection.execute(f"ALTER ROLE {role} RESET ALL")


def test_the_api_neither_reads_nor_writes_the_ledger(as_duty):
    for table in HIDDEN_FROM_API:
        refuses(as_duty, grants.API, f"SELECT * FROM {table}")
    refuses(as_duty, grants.API, "INSERT INTO ledger VALUES (1, 'x', '{}', '', 'aa', now())")
    refuses(as_duty, grants.API, "INSERT INTO api_keys (name, roles, key_hash) VALUES ('mine', '{admin}', 'k')")
    refuses(as_duty, grants.API, "UPDATE api_keys SET roles = '{admin}'")


def test_a_setting_that_a_role_gave_itself_is_named(as_duty, store):
    def named():
        with store.begin() as connection:
            return role_settings.unexpected(connection)

    assert named() == []
    try:
        as_duty(grants.API, "ALTER ROLE CURRENT_USER SET statement_timeout = 0")
        as_duty(grants.APP, "ALTER ROLE CURRENT_USER SET search_path = pg_temp, public")
        assert named() == [
            f"the database role {grants.API} has the setting statement_timeout = 0, which the platform did not give",
            f"the database role {grants.APP} has the setting search_path = pg_temp, public, which the platform did not "
            "give",
        ]
    finally:
        for role in (grants.API, grants.APP):
            as_duty(role, "ALTER ROLE CURRENT_USER RESET ALL")
    assert named() == []


def test_large_objects_are_named_and_in_a_stack_nobody_makes_them(as_duty, store, database_url):
    as_duty(grants.CONSOLE, "SELECT lo_from_bytea(0, 'mine')")
    with store.begin() as connection:
        (problem,) = role_settings.large_objects(connection)
    assert problem.startswith(f"the database role {grants.CONSOLE} made 1 large objects")
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as superuser:
        embedded_server.refuse_large_objects(superuser)
    for role in grants.ROLES:
        for call in ("lo_from_bytea(0, 'mine')", "lo_create(0)", "lo_creat(-1)"):
            refuses(as_duty, role, f"SELECT {call}")


@pytest.mark.parametrize("role", grants.ROLES)
def test_no_role_uses_up_the_ids_that_come_next(as_duty, store, role):
    with store.begin() as connection:
        tables = connection.execute(
            text(
                "SELECT attrelid::regclass::text AS name, attname FROM pg_attribute JOIN pg_class ON oid = attrelid "
                "WHERE attidentity = 'a' AND relnamespace = 'public'::regnamespace AND NOT relispartition"
            )
        ).all()
    assert len(tables) > 10
    for table in tables:
        statement = f"INSERT INTO {table.name} ({table.attname}) OVERRIDING SYSTEM VALUE VALUES (1000000)"
        refuses(as_duty, role, statement)


@pytest.fixture
def collected(store):
    """A collected tweet, in the audit sample of its prediction, with a label of a data set."""
    for statement in (
        "INSERT INTO ingests (source) VALUES ('file')",
        "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) VALUES (7, 'late', now(), 1)",
        "INSERT INTO model_versions (version, family, digest, run_id, training_key) VALUES (1, 'v', 'd', 'r', 'k')",
        "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
        "VALUES (7, 1, 'negative', 1, 0, 0)",
        "INSERT INTO audit_sample (tweet_id, model_version, inclusion_probability) VALUES (7, 1, 0.1)",
        "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
        "VALUES (7, 'negative', 'dataset', 'survey', now())",
        "INSERT INTO api_keys (name, roles, key_hash) VALUES ('ann', '{label}', 'h')",
    ):
        with store.begin() as connection:
            connection.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) VALUES (8, 'squatted', now(), 1)",
        "INSERT INTO ingests (source) VALUES ('x')",
        "UPDATE ingests SET received = 9, stored = 9",
        "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
        "SELECT 7, 2, 'positive', 0, 0, 1",
        "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
        "VALUES (7, 'positive', 'dataset', 'ann', now())",
        "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
        "VALUES (7, 'positive', 'audit', 'an auditor without a key', now())",
        "UPDATE labels SET labelled_at = now() + interval '1 day'",
        "DELETE FROM labels",
        "UPDATE audit_sample SET labelled_at = now()",
    ],
)
def test_the_api_stores_what_it_was_sent_and_labels_of_people_with_a_key(as_duty, store, collected, statement):
    with store.begin() as connection:
        connection.execute(text("INSERT INTO model_versions (version, family, digest, run_id, training_key) "
                                "VALUES (2, 'v', 'd', 's', 'l')"))  # fmt: skip
    with pytest.raises(ProgrammingError, match=r"the API stores no such row|permission denied"):
        as_duty(grants.API, statement)
    columns = "tweet_id, label, source, labelled_by, labelled_at"
    as_duty(grants.API, f"INSERT INTO labels ({columns}) VALUES (7, 'neutral', 'audit', 'ann', now())")
    assert as_duty(grants.API, "UPDATE audit_sample SET labelled_at = now()").rowcount == 1


def test_no_reader_holds_up_the_steps(as_duty, store, database_url):
    for role in (grants.CONSOLE, grants.API):
        refuses(as_duty, role, "SELECT * FROM step_locks FOR UPDATE")
        refuses(as_duty, role, "SELECT * FROM step_locks FOR KEY SHARE")
        refuses(as_duty, role, "LOCK TABLE step_locks, ledger IN ROW EXCLUSIVE MODE")
    refuses(as_duty, grants.CONSOLE, "SELECT * FROM label_locks FOR UPDATE")
    for role in grants.ROLES:
        refuses(as_duty, role, "UPDATE step_locks SET name = 'mine'")
    reader = Store(as_role(database_url, grants.CONSOLE))
    with reader.begin() as connection:
        connection.execute(text("SELECT pg_advisory_lock(n) FROM generate_series(6990, 7010) n"))
        connection.execute(text("SELECT * FROM ledger, deployments, decisions"))
        with store.begin() as step:
            step.execute(text("SET LOCAL lock_timeout = '1s'"))
            for name in engine.LOCKS:
                engine.lock(step, name)
            ledger.append(step, "note", {"a": 1})
    reader.close()


@pytest.mark.parametrize("revival", ["revoked_at = NULL", "expires_at = now() + interval '1 year'"])
@pytest.mark.parametrize("table", ["person_tokens", "api_keys"])
def test_nobody_undoes_a_revocation(as_duty, store, table, revival):
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO person_tokens (name, token_hash, issued_by, os_user, created_at, expires_at, revoked_at) "
                "VALUES ('admin', 'h', 'airflow', 'x', now(), now() + interval '1 day', now())"
            )
        )
        connection.execute(
            text("INSERT INTO api_keys (name, roles, key_hash, revoked_at) VALUES ('k', '{admin}', 'h', now())")
        )
    with pytest.raises((IntegrityError, ProgrammingError), match=r"never undone|permission denied"):
        as_duty(grants.APP, f"UPDATE {table} SET {revival}")
    refuses(as_duty, grants.APP, "UPDATE api_keys SET roles = '{admin}'")
    refuses(as_duty, grants.APP, "UPDATE person_tokens SET token_hash = 'other'")


def test_the_console_writes_alerts_feedback_and_what_was_downloaded_only(as_duty):
    for table in sorted(Base.metadata.tables.keys() - {"alerts", "alert_responses", "feedback", "exports"}):
        refuses(as_duty, grants.CONSOLE, f"INSERT INTO {table} DEFAULT VALUES")
    for table in Base.metadata.tables:
        refuses(as_duty, grants.CONSOLE, f"DELETE FROM {table}")
    for table in ("person_tokens", "api_keys"):
        refuses(as_duty, grants.CONSOLE, f"SELECT * FROM {table}")


def test_every_table_has_an_entry(store):
    with store.begin() as connection:
        assert set(grants.tables(connection)) == grants.GRANTS.keys()
        assert grants.GRANTS.keys() == Base.metadata.tables.keys() | {"alembic_version"}


def test_a_table_without_an_entry_is_the_owners_alone(store, as_duty):
    with store.begin() as connection:
        connection.execute(text("CREATE TABLE forgotten (a int)"))
        grants.apply(connection)
    for role in grants.ROLES:
        refuses(as_duty, role, "SELECT * FROM forgotten")


def test_rights_given_by_hand_are_taken_away(store, database_url, as_duty):
    with store.begin() as connection:
        connection.execute(text(f"GRANT UPDATE (payload) ON ledger TO {grants.APP}"))
        connection.execute(text(f"GRANT DELETE ON ledger TO {grants.API}"))
        assert grants.apply(connection) == tuple(sorted(grants.ROLES))
    for role in (grants.APP, grants.API):
        for statement in ("UPDATE ledger SET payload = ''", "DELETE FROM ledger"):
            refuses(as_duty, role, statement)


def test_a_database_of_one_owner_upgrades(empty_database_url, postgres_server):
    postgres_server.execute("CREATE ROLE one_role LOGIN PASSWORD 'one_role'")
    name = empty_database_url.rpartition("/")[2].partition("?")[0]
    postgres_server.execute(f"ALTER DATABASE {name} OWNER TO one_role")
    owner = as_role(empty_database_url, "one_role")
    migrate.upgrade(owner, "0010")
    app = Store(as_role(owner, grants.APP))
    with pytest.raises(ProgrammingError, match="permission denied"), app.begin() as connection:
        connection.execute(text("SELECT * FROM ledger"))
    migrate.upgrade(owner)
    with app.begin() as connection:
        ledger.append(connection, "note", {"a": 1})
    with pytest.raises(ProgrammingError, match="must be owner"), app.begin() as connection:
        connection.execute(text("ALTER TABLE ledger DISABLE TRIGGER USER"))
    app.close()
    postgres_server.execute(f"ALTER DATABASE {name} OWNER TO postgres")


def test_a_database_without_the_roles_migrates(store, monkeypatch):
    monkeypatch.setattr(grants, "ROLES", ("role_that_is_not_there",))
    with store.begin() as connection:
        assert grants.apply(connection) == ()
