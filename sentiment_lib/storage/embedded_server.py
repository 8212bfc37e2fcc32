"""Create databases and roles of the embedded Postgres server as its superuser."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg import sql


def accepts_connections(port: int, password: str) -> bool:
    """Whether the server on this loopback port accepts connections."""
    try:
        with _connect(port, password):
            return True
    except psycopg.OperationalError:
        return False


def create_databases(port: int, password: str, owners: Mapping[str, str], duties: Mapping[str, str]) -> None:
    """Create a database and an owning role of the same name for each key of `owners`, and the roles of `duties`.

    The values are the passwords. Existing databases and roles stay as they are.
    """
    with _connect(port, password) as connection:
        for name, role_password in {**owners, **duties}.items():
            identifier, literal = sql.Identifier(name), sql.Literal(role_password)
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(identifier, literal))
        for name in owners:
            identifier = sql.Identifier(name)
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(identifier, identifier))
            connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(identifier))


def _connect(port: int, password: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host="127.0.0.1",
        port=port,
        user="postgres",
        password=password,
        dbname="postgres",
        connect_timeout=3,
        autocommit=True,
    )
