"""The database connection: one engine, its transactions and advisory locks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection, Engine, create_engine

from sentiment_lib.errors import BadInput
from sentiment_lib.settings import Settings

#: Keys of the advisory locks, one for each thing that only one process may do at a time.
LOCKS = {"ledger": 7001, "champion": 7002, "snapshot": 7003}


class Store:
    """A handle on the database; cheap to open, safe to share between threads.

    Raises BadInput for a URL that is empty or not of psycopg.
    """

    def __init__(self, url: str) -> None:
        if not url:
            problem = "it is not set. `sentiment up` writes it to SENTIMENT_HOME (default: .local in this folder)"
            raise BadInput(what="SENTIMENT_DATABASE_URL", problem=problem)
        if not url.startswith("postgresql+psycopg://"):
            raise BadInput(what="SENTIMENT_DATABASE_URL", problem="it must start with postgresql+psycopg://")
        self.engine: Engine = create_engine(
            url,
            pool_pre_ping=True,
            pool_size=5,
            connect_args={
                "connect_timeout": 10
            },  # do not hang on a server that does not respond  # do not hang on a server that does not respond
        )

    @classmethod
    def open(cls, settings: Settings) -> Store:
        """Store of these settings; connects on first use."""
        return cls(settings.database_url.get_secret_value())

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a transaction: committed at the end of the block, rolled back by any exception."""
        with self.engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close the pooled connections."""
        self.engine.dispose()


def raw(connection: Connection) -> psycopg.Connection[tuple[object, ...]]:
    """The psycopg connection of a SQLAlchemy one, in the same transaction, for COPY."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def lock(connection: Connection, name: str) -> None:
    """Take the named advisory lock of LOCKS until the transaction ends."""
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (LOCKS[name],))
