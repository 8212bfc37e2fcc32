"""What takes too long in the database is ended: statements, waits for locks, idle transactions."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from sentiment_lib.errors import Busy
from sentiment_lib.settings import DatabaseSettings
from sentiment_lib.storage import engine
from sentiment_lib.storage.engine import Store


@pytest.fixture
def limited(settings):
    """A store with the limits of requests, as API and console have it."""
    database = DatabaseSettings(
        request_statement_seconds=0.5, request_lock_seconds=0.2, request_idle_seconds=0.3, statement_seconds=60
    )
    opened = Store.open(settings.model_copy(update={"database": database}), requests=True)
    yield opened
    opened.close()


def test_a_statement_that_takes_too_long_is_ended(limited):
    with pytest.raises(OperationalError, match="statement timeout"), limited.begin() as connection:
        connection.execute(text("SELECT pg_sleep(5)"))


def test_a_wait_for_a_lock_has_an_end(limited, store):
    with store.begin() as holder:
        engine.lock(holder, "champion")
        with pytest.raises(OperationalError, match="lock timeout"), limited.begin() as connection:
            engine.lock(connection, "champion")


def test_an_idle_transaction_is_ended_and_gives_its_locks_back(limited, store):
    def wait_for_others():
        with limited.begin() as connection:
            engine.lock(connection, "champion")
            with store.begin() as other:
                engine.lock(other, "champion")  # until the idle session is ended
            connection.execute(text("SELECT 1"))

    with pytest.raises(DBAPIError, match="idle-in-transaction"):
        wait_for_others()


def test_steps_have_their_own_limits(settings):
    assert settings.database.limits(requests=False)["statement_timeout"] == 3_600_000
    store = Store.open(settings)
    with store.begin() as connection:
        assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "5min"
    store.close()


def test_nobody_waits_long_for_a_lock_that_is_held_across_requests(store, monkeypatch):
    monkeypatch.setattr(engine, "PATIENCE", 0.2)
    with store.exclusive("alias"):
        started = time.monotonic()
        with pytest.raises(Busy, match="Another command holds the alias"), store.exclusive("alias"):
            pytest.fail("two at once")
        assert time.monotonic() - started < 3
        with store.begin() as connection:
            engine.lock(connection, "champion")
    with store.exclusive("alias"):
        pass
