"""Create databases and roles of the embedded Postgres server as its superuser."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import psycopg
from psycopg import sql

from sentiment_lib.storage import grants
from sentiment_lib.storage.engine import is_starting_up

#: Functions that make large objects out of nothing, or of bytes; those that read files are the superuser's anyway.
MAKES_LARGE_OBJECTS = ("lo_creat(integer)", "lo_create(oid)", "lo_from_bytea(oid, bytea)")


def accepts_connections(port: int, password: str) -> bool:
    """Whether the server on this loopback port accepts connections."""
    try:
        with _connect(port, password):
            return True
    except psycopg.OperationalError:
        return False


def is_starting(port: int, password: str) -> bool:
    """Whether the server is there and refuses connections because it starts."""
    try:
        with _connect(port, password):
            return False
    except psycopg.OperationalError as error:
        return is_starting_up(error)


def create_databases(
    port: int, password: str, owners: Mapping[str, str], duties: Mapping[str, str], backup_password: str
) -> None:
    """Create a database and an owning role of the same name for each key of `owners`, and the roles of `duties`.

    The values are the passwords. Existing databases and roles stay as they are. The role of backups reads all of them.
    """
    with _connect(port, password) as connection:
        for name, role_password in {**owners, **duties, grants.BACKUP: backup_password}.items():
            identifier, literal = sql.Identifier(name), sql.Literal(role_password)
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(identifier, literal))
        backup = sql.Identifier(grants.BACKUP)
        connection.execute(sql.SQL("GRANT pg_read_all_data TO {}").format(backup))
        for name in owners:
            identifier = sql.Identifier(name)
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(identifier, identifier))
            connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(identifier))
            connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(identifier, backup))
        limit_sessions(connection, duties)
    for name in owners:
        with _connect(port, password, name) as connection:
            refuse_large_objects(connection)


def recreate_database(port: int, password: str, name: str) -> None:
    """Drop the database, with whatever is in it, and create it empty; its owner is the role of that name."""
    with _connect(port, password) as connection:
        identifier = sql.Identifier(name)
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier))
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(identifier, identifier))


def refuse_large_objects(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Let no role but the superuser make large objects in this database: nothing else bounds how many."""
    for function in MAKES_LARGE_OBJECTS:
        connection.execute(f"REVOKE EXECUTE ON FUNCTION pg_catalog.{function} FROM PUBLIC")


def limit_sessions(connection: psycopg.Connection[tuple[object, ...]], roles: Iterable[str]) -> None:
    """Give sessions of these roles the time limits of SESSION_LIMITS, where they set none themselves."""
    for role in roles:
        for name, value in grants.SESSION_LIMITS.get(role, {}).items():
            identifiers = sql.Identifier(role), sql.Identifier(name), sql.Literal(value)
            connection.execute(sql.SQL("ALTER ROLE {} SET {} = {}").format(*identifiers))


def _connect(port: int, password: str, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host="127.0.0.1",
        port=port,
        user="postgres",
        password=password,
        dbname=database,
        connect_timeout=3,
        autocommit=True,
    )
