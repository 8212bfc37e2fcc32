"""API keys: name, roles and SHA-256 hash; the key itself is never stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """A key that is in use."""

    name: str
    roles: tuple[str, ...]
    created_at: datetime


def insert_key(connection: Connection, name: str, roles: Sequence[str], key_hash: bytes) -> bool:
    """Store a key; False when a key of this name is in use."""
    inserted = connection.execute(
        text(
            "INSERT INTO api_keys (name, roles, key_hash) VALUES (:name, :roles, :hash) "
            "ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING"
        ),
        {"name": name, "roles": list(roles), "hash": key_hash},
    ).rowcount
    return bool(inserted)


def revoke_key(connection: Connection, name: str) -> bool:
    """Revoke the key of this name; False when none is in use."""
    revoked = connection.execute(
        text("UPDATE api_keys SET revoked_at = now() WHERE name = :name AND revoked_at IS NULL"), {"name": name}
    ).rowcount
    return bool(revoked)


def list_keys(connection: Connection) -> list[ApiKey]:
    """Keys in use, by name."""
    rows = connection.execute(
        text("SELECT name, roles, created_at FROM api_keys WHERE revoked_at IS NULL ORDER BY name")
    )
    return [ApiKey(name=row.name, roles=tuple(row.roles), created_at=row.created_at) for row in rows]


def find_key(connection: Connection, key_hash: bytes) -> ApiKey | None:
    """The key in use with this hash."""
    row = connection.execute(
        text("SELECT name, roles, created_at FROM api_keys WHERE key_hash = :hash AND revoked_at IS NULL"),
        {"hash": key_hash},
    ).one_or_none()
    return None if row is None else ApiKey(name=row.name, roles=tuple(row.roles), created_at=row.created_at)
