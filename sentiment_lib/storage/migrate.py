"""Run migrations, give the roles their rights, and compare the database schema with the tables in code."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from sentiment_lib.settings import Settings
from sentiment_lib.signing import KeyRing
from sentiment_lib.storage import grants, stack_policy
from sentiment_lib.storage.engine import KEY_RING, MIGRATING
from sentiment_lib.storage.tables import Base


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    # escape % in the path: configparser interpolates it
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(
    url: str, revision: str = "head", *, key_ring: KeyRing | None = None, settings: Settings | None = None
) -> None:
    """Migrate to the revision and, at the newest one, give the roles their rights; one transaction. Idempotent.

    url: as the owner of the database.
    key_ring: signs the checkpoint of an unsigned ledger; by default the keys of the environment.
    settings: those that a stack is started with; its rules, and which Airflow knows its people, go into the ledger.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    engine = create_engine(url, execution_options={KEY_RING: key_ring, MIGRATING: True})
    try:
        with engine.begin() as connection:
            command.upgrade(_config(connection), revision)
            if revision == "head":
                grants.apply(connection)
        if settings is not None:
            with engine.execution_options(**{MIGRATING: False}).begin() as connection:
                stack_policy.record(connection, settings)
    finally:
        engine.dispose()


def drift(connection: Connection) -> list[object]:
    """Differences between the tables in code and the database, partitions aside; empty after `upgrade`."""
    partitions = set(connection.exec_driver_sql("SELECT relname FROM pg_class WHERE relispartition").scalars())

    def is_compared(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or name not in partitions

    options = {"compare_type": True, "include_name": is_compared}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))


def knows(revision: str) -> bool:
    """Whether this code has the migration of a revision."""
    return any(script.revision == revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def revisions(connection: Connection) -> tuple[str | None, str | None]:
    """The revision of the database, None for an empty one, and the newest of this code."""
    newest = ScriptDirectory.from_config(_config(connection)).get_current_head()
    return MigrationContext.configure(connection).get_current_revision(), newest
