"""A key that the platform did not issue opens nothing, whoever wrote its row into the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from sentiment_lib.serving import api_keys
from sentiment_lib.steps.operations import verify
from sentiment_lib.storage import grants
from sentiment_lib.storage.engine import Store
from tests.conftest import as_role

FORGED = "sk_mine"


@pytest.fixture
def asks(client, monkeypatch):
    """Status of a prediction with a key."""
    monkeypatch.setattr(api_keys, "CACHE_SECONDS", 0.0)

    def ask(key):
        return client.post("/v1/predict", json={"text": "late"}, headers={"Authorization": f"Bearer {key}"}).status_code

    return ask


def problems(store):
    """What `verify` says of keys."""
    with store.begin() as connection:
        return [problem for problem in verify.records(connection) if "api_key" in problem]


def change(store, statement, **values):
    """As the owner of the database, without the key that signs."""
    with store.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(statement), values)


def test_a_key_inserted_with_the_app_s_password_opens_nothing_and_is_named(store, database_url, asks):
    attacker = Store(as_role(database_url, grants.APP))
    with attacker.begin() as connection:
        connection.execute(
            text("INSERT INTO api_keys (name, roles, key_hash) VALUES ('ops', '{admin}', :hash)"),
            {"hash": api_keys.digest_of(FORGED)},
        )
    attacker.close()
    assert asks(FORGED) == 401
    assert problems(store) == ["api_key 2 has no ledger row"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("roles", "'{predict,admin}'"),
        ("name", "'somebody'"),
        ("expires_at", "now() + interval '9 years'"),
        ("key_hash", "sha256('sk_mine')"),
    ],
)
def test_a_key_that_was_changed_opens_nothing_and_is_named(store, key, asks, column, value):
    assert asks(key) == 200
    change(store, f"UPDATE api_keys SET {column} = {value}")
    assert [asks(key), asks(FORGED)] == [401, 401]
    assert problems(store) == [f"api_key 1 was changed: {column}"]


def test_a_revocation_that_was_undone_opens_nothing_and_is_named(store, key, asks):
    api_keys.revoke(store, "tests")
    assert problems(store) == []
    change(store, "UPDATE api_keys SET revoked_at = NULL")
    assert asks(key) == 401
    assert problems(store) == ["api_key 1 was changed: revoked_at"]


def test_a_retired_hash_that_was_put_back_opens_nothing(store, key, asks):
    new = api_keys.rotate(store, "tests", overlap=timedelta(0))
    assert [asks(key), asks(new)] == [401, 200]
    change(store, "UPDATE api_keys SET key_hash = :hash", hash=api_keys.digest_of(key))
    assert [asks(key), asks(new)] == [401, 401]
    assert problems(store) == ["api_key 1 was changed: key_hash"]


def test_a_key_whose_row_was_removed_is_named(store, key):
    change(store, "DELETE FROM api_keys")
    assert problems(store) == ["api_key 1 is in the ledger, and its row is gone"]


def test_used_rotated_and_revoked_keys_verify(store, key, asks):
    new = api_keys.rotate(store, "tests", overlap=timedelta(days=1))
    assert [asks(key), asks(new)] == [200, 200]
    api_keys.create(store, "other", ("predict",))
    api_keys.revoke(store, "other")
    api_keys.KeyRing(store).record_uses()
    assert problems(store) == []
