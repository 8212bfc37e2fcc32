"""The real app over a real database, with versions that are really packaged.

The packages lie in the cache, where a digest finds them: serving asks MLflow for nothing that it has.
"""

from __future__ import annotations

import itertools
import shutil
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from sentiment_lib.families import catalog
from sentiment_lib.registry import package
from sentiment_lib.serving import app, keys
from sentiment_lib.settings import Settings
from sentiment_lib.storage.engine import Store

_databases = itertools.count()
TWEETS = {
    "negative": ["@united worst flight ever, lost my bag", "never again, three hours late and so rude"],
    "neutral": ["does flight 12 leave from gate 4 today?", "when will boarding begin"],
    "positive": ["thank you @delta great crew and lovely seats", "love love love the new seats!"],
}


@pytest.fixture(scope="session")
def packaged(tmp_path_factory):
    """Two packages by their digest: VADER as version 1, tf-idf as version 2."""
    cache = tmp_path_factory.mktemp("packages")
    texts = [(one, label) for label, some in TWEETS.items() for one in some] * 10
    versions = []
    for version, family in enumerate(("vader", "tfidf_logreg"), start=1):
        folder = cache / family
        model = catalog.train(family, *zip(*texts, strict=True), seed=1)
        digest = package.write(model, folder)
        folder.rename(cache / digest)
        versions.append(SimpleNamespace(version=version, family=family, digest=digest, model=model))
    return SimpleNamespace(cache=cache, versions=versions)


@pytest.fixture(scope="session")
def served_database(postgres_server, template_database, packaged):
    """Name of a database that knows both versions, the first of them champion."""
    postgres_server.execute(f"CREATE DATABASE served TEMPLATE {template_database}")
    store = Store(postgres_server.url("served"))
    with store.begin() as connection:
        for one in packaged.versions:
            connection.execute(
                text(
                    "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
                    "VALUES (:version, :family, :digest, :family, :family)"
                ),
                {"version": one.version, "family": one.family, "digest": one.digest},
            )
        connection.execute(
            text("INSERT INTO deployments (kind, to_version, state, finished_at) VALUES ('first', 1, 'done', now())")
        )
    store.close()
    return "served"


@pytest.fixture
def database_url(postgres_server, served_database):
    """URL of a copy of that database."""
    name = f"serving_{next(_databases)}"
    postgres_server.execute(f"CREATE DATABASE {name} TEMPLATE {served_database}")
    yield postgres_server.url(name)
    postgres_server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def settings(tmp_path, database_url, packaged):
    """Settings under which another champion is seen at once; no MLflow is in reach."""
    shutil.copytree(packaged.cache, tmp_path / "cache" / "models")
    return Settings(
        home=tmp_path,
        database_url=database_url,
        author_key="key of the tests",
        mlflow_uri="http://127.0.0.1:9",
        serving={"swap_seconds": 0.05, "texts_per_second": 1e6, "burst_texts": 1e6},
    )


@pytest.fixture
def champion(packaged):
    """The first champion."""
    return packaged.versions[0]


@pytest.fixture
def key(store):
    """A key that may predict and give feedback."""
    return keys.create(store, "tests", ("predict", "feedback"))


@pytest.fixture
def client(settings, key):
    """A client of the running app, with the key in its header."""
    with TestClient(app.create(settings), headers={"Authorization": f"Bearer {key}"}) as opened:
        yield opened


@pytest.fixture
def deploy(store):
    """Make a version the champion, as a finished deployment does."""

    def move(version):
        with store.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO deployments (kind, to_version, state, reason, finished_at) "
                    "VALUES ('forced', :version, 'done', 'a test', now())"
                ),
                {"version": version},
            )

    return move


@pytest.fixture
def rows(store):
    """Rows of a query, as tuples."""

    def ask(query):
        with store.begin() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    return ask
