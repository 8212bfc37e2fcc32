"""The database connection: one engine, its transactions and locks."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError

from sentiment_lib.errors import BadInput, Busy
from sentiment_lib.settings import Settings
from sentiment_lib.signing import KeyRing
from sentiment_lib.storage import moments
from sentiment_lib.tombstone_key import TombstoneKey

#: Locks, each for something that only one process may do at a time, and the tables whose rows they are. Whoever may not
#: update the table cannot hold them, as every role could an advisory lock.
LOCKS = {
    **dict.fromkeys(("ledger", "champion", "alias", "sentiment_days", "labels"), "step_locks"),
    **dict.fromkeys(("snapshot", "erasure"), "label_locks"),
}
#: Keys of advisory locks that only say what is being done: a reader who holds one puts off a catch-up or refuses a
#: second retrain by hand, and nothing else.
HINTS = {"score": 7006, "retrain": 7007}
#: Seconds to wait for a lock that is held across requests to the registry.
PATIENCE = 20.0

#: Settings of the planner: compiling a query over many partitions costs more than it saves, and memory and solid-state
#: disks give single rows by an index more cheaply than the planner takes it to be.
PLANNER = {"jit": "off", "random_page_cost": "1.1"}

#: What a server says to who connects while it starts or recovers.
STARTING = (
    "the database system is starting up",
    "the database system is in recovery mode",
    "the database system is not yet accepting connections",
)
#: Execution option of a connection that holds the signing keys.
KEY_RING = "key_ring"
#: Execution option of a connection that holds the key of the tombstones.
TOMBSTONE_KEY = "tombstone_key"
#: Execution option of migrations, which may run before the tables of locks exist and take an advisory lock instead.
MIGRATING = "migrating"


class Store:
    """A database handle: cheap to open, thread-safe.

    key_ring: signs the ledger, by default with the keys of the environment (SENTIMENT_SIGNING_KEYS, SENTIMENT_HOME).
    anchors_file: where the head of the ledger is anchored; a store without one is not anchored.
    tombstones: key of the tombstones, by default that of the environment (SENTIMENT_TOMBSTONE_KEY, SENTIMENT_HOME).
    limits: Postgres' time limits in milliseconds by parameter.
    Raises BadInput for an empty URL or one of another driver than psycopg.
    """

    def __init__(
        self,
        url: str,
        *,
        key_ring: KeyRing | None = None,
        anchors_file: Path | None = None,
        tombstones: TombstoneKey | None = None,
        limits: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        if not url:
            problem = "it is not set. `sentiment up` writes it to SENTIMENT_HOME (default: .local in this folder)"
            raise BadInput(what="SENTIMENT_DATABASE_URL", problem=problem)
        if not url.startswith("postgresql+psycopg://"):
            raise BadInput(what="SENTIMENT_DATABASE_URL", problem="it must start with postgresql+psycopg://")
        self.anchors_file = anchors_file
        self.engine: Engine = create_engine(
            url,
            execution_options={
                KEY_RING: key_ring or Settings().key_ring,
                TOMBSTONE_KEY: tombstones or Settings().tombstones,
            },
            # an error names no tweet: its message goes into logs
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=5,
            connect_args={
                "connect_timeout": 10,  # do not hang on a server that does not respond
                "options": " ".join(f"-c {name}={value}" for name, value in {**limits, **PLANNER}.items()),
            },
        )
        event.listen(self.engine, "connect", lambda opened, _: moments.read_clamped(opened))

    @classmethod
    def open(cls, settings: Settings, *, requests: bool = False) -> Store:
        """Store of these settings, with the time limits of requests or of steps; connects on first use."""
        return cls(
            settings.database_url.get_secret_value(),
            key_ring=settings.key_ring,
            anchors_file=settings.anchors_file,
            tombstones=settings.tombstones,
            limits=settings.database.limits(requests=requests),
        )

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a transaction: committed at the end of the block, rolled back by any exception."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def one_moment(self) -> Iterator[Connection]:
        """Open a transaction whose queries all see the same moment, for checks that compare tables."""
        engine = self.engine.execution_options(isolation_level="REPEATABLE READ")
        with engine.begin() as connection:
            yield connection

    @contextmanager
    def exclusive(self, name: str) -> Iterator[None]:
        """Hold the named lock of LOCKS as long as the block takes, in a transaction of its own that does nothing else.

        For what asks the registry: nobody waits longer than PATIENCE for it. Raises Busy then.
        """
        with self.engine.connect() as connection:
            give_up = time.monotonic() + PATIENCE
            while connection.exec_driver_sql(f"{_lock_row(name)} SKIP LOCKED", (name,)).one_or_none() is None:
                connection.rollback()
                if time.monotonic() > give_up:
                    raise Busy(what=name)
                time.sleep(0.05)
            try:
                yield
            finally:
                with suppress(OperationalError):  # a lost connection has lost the lock
                    connection.rollback()

    @contextmanager
    def in_use(self, name: str) -> Iterator[None]:
        """Hold the named lock of HINTS beside others who do, outside of any transaction, as long as the block takes."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("SELECT pg_advisory_lock_shared(%s)", (HINTS[name],))
            try:
                yield
            finally:
                with suppress(OperationalError):  # a lost connection has lost the lock
                    connection.exec_driver_sql("SELECT pg_advisory_unlock_shared(%s)", (HINTS[name],))

    def is_in_use(self, name: str) -> bool:
        """Whether any process holds the named lock of HINTS."""
        with self.begin() as connection:
            free = connection.exec_driver_sql("SELECT pg_try_advisory_xact_lock(%s)", (HINTS[name],)).scalar_one()
        return not free

    def close(self) -> None:
        """Close the pooled connections."""
        self.engine.dispose()


def is_starting_up(error: BaseException) -> bool:
    """Whether a connection failed because the server starts or recovers from a crash.

    psycopg gives errors of connecting no SQLSTATE (57P03 here), hence the words.
    """
    text = str(error)
    return any(words in text for words in STARTING)


def key_ring(connection: Connection) -> KeyRing:
    """The signing keys of the store that this connection belongs to."""
    ring: KeyRing | None = connection.get_execution_options().get(KEY_RING)
    return ring or Settings().key_ring


def tombstone_key(connection: Connection) -> TombstoneKey:
    """The key of the tombstones of the store that this connection belongs to."""
    key: TombstoneKey | None = connection.get_execution_options().get(TOMBSTONE_KEY)
    return key or Settings().tombstones


def raw(connection: Connection) -> psycopg.Connection[tuple[object, ...]]:
    """The psycopg connection of a SQLAlchemy one, in the same transaction, for COPY."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def lock(connection: Connection, name: str, *, shared: bool = False) -> None:
    """Take the named lock of LOCKS until the transaction ends; `shared`: beside other shared ones."""
    if connection.get_execution_options().get(MIGRATING):
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext(%s))", (name,))
    else:
        connection.exec_driver_sql(_lock_row(name, "SHARE" if shared else "UPDATE"), (name,)).one()


def _lock_row(name: str, strength: str = "UPDATE") -> str:
    # a temporary table of that name must not stand in for it, hence the schema
    return f"SELECT name FROM public.{LOCKS[name]} WHERE name = %s FOR {strength}"
