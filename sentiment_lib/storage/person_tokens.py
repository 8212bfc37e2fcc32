"""Person tokens: name, SHA-256 hash and expiry; the token itself is never stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from sentiment_lib.storage import ledger


@dataclass(frozen=True, kw_only=True)
class PersonToken:
    """A token that is neither expired nor revoked."""

    token_id: int
    name: str
    #: "airflow" or "people add"
    issued_by: str
    os_user: str
    created_at: datetime
    expires_at: datetime


COLUMNS = "token_id, name, issued_by, os_user, created_at, expires_at"
IN_USE = "revoked_at IS NULL AND expires_at > now()"


def insert_token(connection: Connection, token: PersonToken, token_hash: bytes) -> PersonToken:
    """Store a token; `token_id` of the argument is ignored."""
    result = connection.execute(
        text(
            "INSERT INTO person_tokens (name, token_hash, issued_by, os_user, created_at, expires_at) "
            f"VALUES (:name, :hash, :issued_by, :os_user, :created_at, :expires_at) RETURNING {COLUMNS}"
        ),
        {
            "name": token.name,
            "hash": token_hash,
            "issued_by": token.issued_by,
            "os_user": token.os_user,
            "created_at": token.created_at,
            "expires_at": token.expires_at,
        },
    )
    return PersonToken(**result.mappings().one())


def find_token(connection: Connection, token_hash: bytes) -> PersonToken | None:
    """The token in use with this hash; None without one, or without a signed row that the platform issued it."""
    result = connection.execute(
        text(f"SELECT {COLUMNS} FROM person_tokens WHERE token_hash = :hash AND {IN_USE}"), {"hash": token_hash}
    )
    row = result.mappings().one_or_none()
    if row is None:
        return None
    token = PersonToken(**row)
    issued = {"token_id": token.token_id, "name": token.name, "issued_by": token.issued_by}
    return token if ledger.find_genuine(connection, "token_issued", issued) else None


def list_tokens(connection: Connection) -> list[PersonToken]:
    """Tokens in use, by name."""
    rows = connection.execute(text(f"SELECT {COLUMNS} FROM person_tokens WHERE {IN_USE} ORDER BY name, token_id"))
    return [PersonToken(**row) for row in rows.mappings()]


def revoke_tokens(connection: Connection, name: str) -> int:
    """Revoke every token of this person; returns how many were in use."""
    return connection.execute(
        text(f"UPDATE person_tokens SET revoked_at = now() WHERE name = :name AND {IN_USE}"), {"name": name}
    ).rowcount


def revoke_token(connection: Connection, token_id: int) -> None:
    """Revoke one token."""
    connection.execute(
        text("UPDATE person_tokens SET revoked_at = now() WHERE token_id = :id AND revoked_at IS NULL"),
        {"id": token_id},
    )
