"""A small installation with planted tweets, made once; each test gets a copy of database and folder."""

from __future__ import annotations

import shutil
import socket
import sqlite3
from contextlib import ExitStack, closing
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from benchmarks.forget import planted
from sentiment_lib.storage import exports, grants
from sentiment_lib.storage.engine import Store
from tests.conftest import as_role

#: As many from each source.
TWEETS, FILLERS = 42, 160


def installation_in(home, url, tweets, **erasure):
    """An installation whose steps have the roles that they have on a stack."""
    settings = planted.settings_in(home, url, **erasure)
    stores = {
        name: Store(role_url, anchors_file=settings.anchors_file, tombstones=settings.tombstones)
        for name, role_url in (
            ("store", as_role(url, grants.APP)),
            ("owner", url),
            ("api", as_role(url, grants.API)),
        )
    }
    return planted.Installation(settings=settings, tweets=tweets, **stores)


def move_artifacts(database, old, new):
    """Let MLflow's records name artefacts below another folder: forgetting in one copy erases nothing of another."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for _, column, kind, *_ in connection.execute(f"PRAGMA table_info({table})").fetchall():
                if kind.startswith(("VARCHAR", "TEXT")):
                    connection.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(old), str(new)))


def close(installation):
    for opened in (installation.store, installation.owner, installation.api):
        opened.close()


@pytest.fixture(scope="session")
def plantation(postgres_server, template_database, tracking, tmp_path_factory):
    """Database, folder and tweets of an installation that holds them everywhere."""
    folder = tmp_path_factory.mktemp("plantation")
    home = folder / "home"
    home.mkdir()
    shutil.copy(tracking.empty, home / "mlflow.db")
    move_artifacts(home / "mlflow.db", tracking.artifacts, folder / "artifacts")
    postgres_server.execute(f"CREATE DATABASE plantation TEMPLATE {template_database}")
    made = installation_in(home, postgres_server.url("plantation"), planted.invent_tweets(TWEETS, 7))
    planted.plant(made, fillers=FILLERS, families=("count_logreg",), drift=False)
    close(made)
    return SimpleNamespace(folder=folder, tweets=made.tweets, versions=made.versions)


@pytest.fixture
def copies(postgres_server, plantation, tmp_path):
    """Makes copies of it, each below a folder with the name that is asked for."""
    with ExitStack() as opened:

        def copy(name):
            folder = tmp_path / name
            shutil.copytree(plantation.folder, folder)
            move_artifacts(folder / "home" / "mlflow.db", plantation.folder, folder)
            url = opened.enter_context(postgres_server.database("plantation"))
            made = installation_in(folder / "home", url, plantation.tweets)
            opened.callback(close, made)
            made.versions = plantation.versions
            made.exported = sorted((folder / "home-elsewhere").iterdir())
            with made.owner.begin() as connection:
                moved = text("UPDATE exports SET path = replace(path, :old, :new)")
                connection.execute(moved, {"old": str(plantation.folder), "new": str(folder)})
                for path in made.exported:
                    exports.sign(connection, socket.gethostname(), str(path))
            return made

        yield copy


@pytest.fixture
def installation(copies):
    """One copy of it."""
    return copies("copy")
