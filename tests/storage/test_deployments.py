"""Moves of the champion alias as they are stored."""

from __future__ import annotations

import pytest

from sentiment_lib.errors import NotFound
from sentiment_lib.storage import deployments, grants

#: Steps run as the platform runs them.
DATABASE_ROLE = grants.APP


def test_an_unknown_deployment_is_not_found(store):
    with store.begin() as connection, pytest.raises(NotFound, match="deployment 7"):
        deployments.by_id(connection, 7)
