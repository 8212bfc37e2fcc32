"""A key opens what its roles allow, until it is revoked."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner

from sentiment_lib.cli import serve as commands
from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.serving import api_keys
from sentiment_lib.settings import Settings
from sentiment_lib.storage import api_keys as storage


def test_a_key_opens_its_roles_until_it_is_revoked(store, monkeypatch):
    monkeypatch.setattr(api_keys, "CACHE_SECONDS", 0.0)
    key = api_keys.create(store, "desk", ("predict",))
    ring = api_keys.KeyRing(store)
    caller = ring.by_digest(api_keys.digest_of(key))
    assert caller.name == "desk"
    assert caller.may("predict")
    assert not caller.may("feedback")
    assert ring.by_digest(api_keys.digest_of(key + "x")) is None
    with store.begin() as connection:
        stored = [tuple(row) for row in connection.execute(text("SELECT * FROM api_keys"))]
    assert key not in str(stored)
    api_keys.revoke(store, "desk")
    assert ring.by_digest(api_keys.digest_of(key)) is None
    with pytest.raises(NotFound):
        api_keys.revoke(store, "desk")


def test_a_key_without_a_known_role_or_with_a_name_in_use_is_refused(store):
    api_keys.create(store, "desk", ("admin",))
    with pytest.raises(BadInput, match="in use"):
        api_keys.create(store, "desk", ("predict",))
    with pytest.raises(BadInput, match="root"):
        api_keys.create(store, "other", ("root",))
    with pytest.raises(BadInput, match="without a role"):
        api_keys.create(store, "other", ())


def test_a_key_expires(store, monkeypatch):
    monkeypatch.setattr(api_keys, "CACHE_SECONDS", 0.0)
    key = api_keys.create(store, "desk", ("predict",), lifetime=timedelta(days=1))
    ring = api_keys.KeyRing(store)
    assert ring.by_digest(api_keys.digest_of(key)).name == "desk"
    with store.begin() as connection:
        connection.execute(text("UPDATE api_keys SET expires_at = now() - interval '1 second'"))
        storage.record_all(connection)
    assert ring.by_digest(api_keys.digest_of(key)) is None


def test_a_rotated_key_works_for_the_overlap_beside_the_new_one(store, monkeypatch):
    monkeypatch.setattr(api_keys, "CACHE_SECONDS", 0.0)
    old = api_keys.create(store, "desk", ("predict",))
    ring = api_keys.KeyRing(store)
    before = ring.by_digest(api_keys.digest_of(old))
    new = api_keys.rotate(store, "desk", overlap=timedelta(days=1), lifetime=timedelta(days=365))
    assert {ring.by_digest(api_keys.digest_of(key)) for key in (old, new)} == {before}
    with store.begin() as connection:
        connection.execute(text("UPDATE api_keys SET previous_expires_at = now() - interval '1 second'"))
        storage.record_all(connection)
    assert ring.by_digest(api_keys.digest_of(old)) is None
    assert ring.by_digest(api_keys.digest_of(new)) == before
    api_keys.rotate(store, "desk", overlap=timedelta(days=1))
    api_keys.revoke(store, "desk")
    assert ring.by_digest(api_keys.digest_of(new)) is None
    with pytest.raises(NotFound):
        api_keys.rotate(store, "desk", overlap=timedelta(days=1))


def test_the_use_of_a_key_is_counted(store):
    key = api_keys.create(store, "desk", ("predict",))
    ring = api_keys.KeyRing(store)
    ring.by_digest(api_keys.digest_of(key))
    for _ in range(4):
        assert ring.cached(api_keys.digest_of(key)) is not None
    ring.record_uses()
    (stored,) = api_keys.in_use(store)
    assert stored.use_count == 5
    assert stored.last_used_at is not None


@pytest.fixture
def typed(store, monkeypatch):
    """Types `sentiment keys …`; gives the words of the result."""
    app = typer.Typer()
    commands.register(app)
    monkeypatch.setattr(commands, "open_store", lambda: nullcontext((store, Settings())))
    return lambda *words: CliRunner().invoke(app, ["keys", *words])


def test_the_commands_give_a_key_an_end_and_rotate_it_with_overlap(store, typed, monkeypatch):
    monkeypatch.setattr(api_keys, "CACHE_SECONDS", 0.0)
    old = typed("create", "desk", "--role", "predict", "--expires", "12h").stdout.strip()
    new = typed("rotate", "desk", "--overlap", "30m", "--expires", "90d").stdout.strip()
    ring, (listed,) = api_keys.KeyRing(store), api_keys.in_use(store)
    assert {ring.by_digest(api_keys.digest_of(key)).name for key in (old, new)} == {"desk"}
    assert abs(listed.expires_at - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=1)
    assert f"expires {listed.expires_at:%Y-%m-%d}" in typed("list").stdout
    with store.begin() as connection:
        ends = connection.execute(text("SELECT previous_expires_at FROM api_keys")).scalar_one()
        connection.execute(text("UPDATE api_keys SET previous_expires_at = now(), expires_at = now()"))
        storage.record_all(connection)
    assert abs(ends - datetime.now(UTC) - timedelta(minutes=30)) < timedelta(minutes=1)
    assert [ring.by_digest(api_keys.digest_of(key)) for key in (old, new)] == [None, None]
    assert typed("create", "forever", "--role", "predict", "--expires", "never").exit_code == 0
    assert "never expires" in typed("list").stdout


@pytest.mark.parametrize(
    "words",
    [
        ("create", "x", "--role", "predict", "--expires", "soon"),
        ("create", "x", "--role", "predict", "--expires", "-1d"),
        ("rotate", "x", "--overlap", "never"),
        ("rotate", "x", "--overlap", "1y"),
    ],
)
def test_a_time_that_cannot_be_read_is_refused(typed, words):
    assert isinstance(typed(*words).exception, BadInput)
