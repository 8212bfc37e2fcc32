"""API keys: name, roles, expiry, use and SHA-256 hash; the key itself is never stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """A key that is not revoked."""

    key_id: int
    name: str
    roles: tuple[str, ...]
    created_at: datetime
    #: None: never
    expires_at: datetime | None
    last_used_at: datetime | None
    use_count: int
    #: until when the key before the last rotation stays valid
    previous_expires_at: datetime | None


_COLUMNS = "key_id, name, roles, created_at, expires_at, last_used_at, use_count, previous_expires_at"


def insert_key(
    connection: Connection, name: str, roles: Sequence[str], key_hash: bytes, lifetime: timedelta | None
) -> bool:
    """Store a key that expires after `lifetime` (None: never); False when a key of this name is not revoked."""
    inserted = connection.execute(
        text(
            "INSERT INTO api_keys (name, roles, key_hash, expires_at) "
            "VALUES (:name, :roles, :hash, now() + CAST(:lifetime AS interval)) "
            "ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING"
        ),
        {"name": name, "roles": list(roles), "hash": key_hash, "lifetime": lifetime},
    ).rowcount
    return bool(inserted)


def rotate_key(
    connection: Connection, name: str, key_hash: bytes, *, overlap: timedelta, lifetime: timedelta | None
) -> bool:
    """Replace the hash of this name's key; the present key stays valid for `overlap`. False for an unknown name.

    The id stays the same, so that earlier predictions still refer to it. The overlap ends when the present key expires.
    """
    rotated = connection.execute(
        text(
            "UPDATE api_keys SET previous_key_hash = key_hash, "
            "previous_expires_at = least(now() + CAST(:overlap AS interval), expires_at), "
            "key_hash = :hash, expires_at = now() + CAST(:lifetime AS interval) "
            "WHERE name = :name AND revoked_at IS NULL"
        ),
        {"name": name, "hash": key_hash, "overlap": overlap, "lifetime": lifetime},
    ).rowcount
    return bool(rotated)


def revoke_key(connection: Connection, name: str) -> bool:
    """Revoke the key of this name; False when there is none that is not revoked."""
    revoked = connection.execute(
        text("UPDATE api_keys SET revoked_at = now() WHERE name = :name AND revoked_at IS NULL"), {"name": name}
    ).rowcount
    return bool(revoked)


def list_keys(connection: Connection) -> list[ApiKey]:
    """Keys that are not revoked, by name; expired ones too."""
    rows = connection.execute(text(f"SELECT {_COLUMNS} FROM api_keys WHERE revoked_at IS NULL ORDER BY name"))
    return [_key(row) for row in rows]


def find_key(connection: Connection, key_hash: bytes) -> ApiKey | None:
    """The key with this hash, or whose previous one has it, that is neither revoked nor expired."""
    row = connection.execute(
        text(
            f"SELECT {_COLUMNS} FROM api_keys WHERE revoked_at IS NULL AND ("
            "(key_hash = :hash AND (expires_at IS NULL OR expires_at > now())) "
            "OR (previous_key_hash = :hash AND previous_expires_at > now()))"
        ),
        {"hash": key_hash},
    ).one_or_none()
    return None if row is None else _key(row)


def add_uses(connection: Connection, key_id: int, uses: int) -> None:
    """Add `uses` to the key's use count and set its last use to now."""
    connection.execute(
        text("UPDATE api_keys SET use_count = use_count + :uses, last_used_at = now() WHERE key_id = :id"),
        {"id": key_id, "uses": uses},
    )


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(**{**row._mapping, "roles": tuple(row.roles)})
