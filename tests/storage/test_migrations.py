"""The migrations make the tables that the code describes, and the ledger cannot be changed."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sentiment_lib.storage import migrate
from sentiment_lib.storage.engine import Store


def test_tables_in_code_and_after_migration_are_the_same(store):
    with store.begin() as connection:
        assert migrate.drift(connection) == []


def test_migrating_twice_changes_nothing(empty_database_url):
    migrate.upgrade(empty_database_url)
    migrate.upgrade(empty_database_url)
    store = Store(empty_database_url)
    with store.begin() as connection:
        assert migrate.drift(connection) == []
    store.close()


@pytest.mark.parametrize(
    "statement",
    ["UPDATE ledger SET payload = 'x'", "DELETE FROM ledger", "TRUNCATE ledger"],
)
def test_the_database_refuses_to_change_the_ledger(store, statement):
    with store.begin() as connection:
        connection.execute(
            text("INSERT INTO ledger VALUES (1, 'snapshot', '{}', '', 'aa', now())"),
        )
    with pytest.raises(DBAPIError, match="append-only"), store.begin() as connection:
        connection.execute(text(statement))


def test_an_ingest_that_lost_rows_cannot_be_written(store):
    with pytest.raises(DBAPIError, match="adds_up"), store.begin() as connection:
        connection.execute(text("INSERT INTO ingests (source, received, stored) VALUES ('x', 2, 1)"))
