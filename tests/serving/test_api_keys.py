"""A key opens what its roles allow, until it is revoked."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.serving import api_keys


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
