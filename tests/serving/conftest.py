"""The real app over a real database, with versions that are really packaged.

The packages lie in the cache, where a digest finds them: serving asks MLflow for nothing that it has.
"""

from __future__ import annotations

import shutil
from functools import partial

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from benchmarks import small_models
from sentiment_lib.serving import api_keys, app
from sentiment_lib.settings import Settings
from sentiment_lib.storage import grants
from tests.conftest import as_role


@pytest.fixture
def database_url(postgres_server, served_database):
    """URL of a copy of that database."""
    with postgres_server.database(served_database) as url:
        yield url


@pytest.fixture
def settings(tmp_path, database_url, packaged):
    """Settings with the API's role, under which another champion is seen at once; no MLflow is in reach."""
    shutil.copytree(packaged.cache, tmp_path / "cache" / "models")
    return Settings(
        home=tmp_path,
        database_url=as_role(database_url, grants.API),
        author_key="key of the tests",
        mlflow_uri="http://127.0.0.1:9",
        serving={"poll_seconds": 0.05, "texts_per_second": 1e6, "burst_texts": 1e6},
    )


@pytest.fixture
def champion(packaged):
    """The first champion."""
    return packaged.versions[0]


@pytest.fixture
def key(store):
    """A key that may predict and give feedback."""
    return api_keys.create(store, "tests", ("predict", "feedback", "label"))


@pytest.fixture
def client(settings, key):
    """A client of the running app, with the key in its header."""
    with TestClient(app.create(settings), headers={"Authorization": f"Bearer {key}"}) as opened:
        yield opened


@pytest.fixture
def deploy(store):
    """Make a version the champion, as a finished deployment does."""
    return partial(small_models.deploy, store)


@pytest.fixture
def rows(store):
    """Rows of a query, as tuples."""

    def ask(query):
        with store.begin() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    return ask
