"""API keys: name, roles, expiry, use and SHA-256 hash; the key itself is never stored.

Each change of a key appends its row to the ledger, all columns but its use; a row that says anything else is no key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, DateTime, Row, String, column, select, table, text

from sentiment_lib.machine import os_user
from sentiment_lib.storage import ledger, recorded_facts
from sentiment_lib.storage.ledger import LedgerEntry

#: Kind of the ledger rows.
KIND = "api_key"
#: The ledger's rows of keys, which the API may read too.
_ENTRIES = table(
    "api_key_entries",
    column("sequence", BigInteger),
    *(column(name, String) for name in ("kind", "payload", "previous_hash", "entry_hash")),
    column("recorded_at", DateTime(timezone=True)),
    column("signature", String),
)
#: Columns that change with each use, which nobody records.
_USE = ("last_used_at", "use_count")


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
            "ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING RETURNING key_id"
        ),
        {"name": name, "roles": list(roles), "hash": key_hash, "lifetime": lifetime},
    ).scalar()
    return _recorded_change(connection, inserted)


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
            "WHERE name = :name AND revoked_at IS NULL RETURNING key_id"
        ),
        {"name": name, "hash": key_hash, "overlap": overlap, "lifetime": lifetime},
    ).scalar()
    return _recorded_change(connection, rotated)


def revoke_key(connection: Connection, name: str) -> bool:
    """Revoke the key of this name; False when there is none that is not revoked."""
    revoked = connection.execute(
        text("UPDATE api_keys SET revoked_at = now() WHERE name = :name AND revoked_at IS NULL RETURNING key_id"),
        {"name": name},
    ).scalar()
    return _recorded_change(connection, revoked)


def list_keys(connection: Connection) -> list[ApiKey]:
    """Keys that are not revoked, by name; expired ones too."""
    rows = connection.execute(text(f"SELECT {_COLUMNS} FROM api_keys WHERE revoked_at IS NULL ORDER BY name"))
    return [_key(row) for row in rows]


def count_living(connection: Connection) -> int:
    """Number of keys that are not revoked; reads no column of them."""
    return int(connection.execute(text("SELECT count(*) FROM api_keys WHERE revoked_at IS NULL")).scalar_one())


def find_key(connection: Connection, key_hash: bytes) -> ApiKey | None:
    """The key with this hash, or whose previous one has it, that is neither revoked nor expired.

    None too when the platform did not record its row as it is.
    """
    row = connection.execute(
        text(
            f"SELECT {_COLUMNS} FROM api_keys WHERE revoked_at IS NULL AND ("
            "(key_hash = :hash AND (expires_at IS NULL OR expires_at > now())) "
            "OR (previous_key_hash = :hash AND previous_expires_at > now()))"
        ),
        {"hash": key_hash},
    ).one_or_none()
    if row is None or not _is_recorded(connection, row.key_id):
        return None
    return _key(row)


def record_all(connection: Connection) -> None:
    """Record every key as it is. For a migration: keys of earlier releases have no row in the ledger."""
    for key_id in connection.execute(text("SELECT key_id FROM api_keys ORDER BY key_id")).scalars().all():
        _recorded_change(connection, key_id)


def add_uses(connection: Connection, key_id: int, uses: int) -> None:
    """Add `uses` to the key's use count and set its last use to now."""
    connection.execute(
        text("UPDATE api_keys SET use_count = use_count + :uses, last_used_at = now() WHERE key_id = :id"),
        {"id": key_id, "uses": uses},
    )


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(**{**row._mapping, "roles": tuple(row.roles)})


def _recorded_change(connection: Connection, key_id: int | None) -> bool:
    """Append the key's row to the ledger, and whether there is one."""
    if key_id is None:
        return False
    facts = {name: recorded_facts.comparable(value) for name, value in _row(connection, key_id).items()}
    ledger.append(connection, KIND, {**facts, "os_user": os_user()})
    return True


def _row(connection: Connection, key_id: int) -> dict[str, Any]:
    """All columns of a key but its use."""
    row = connection.execute(text("SELECT * FROM api_keys WHERE key_id = :id"), {"id": key_id}).mappings().one()
    return {name: value for name, value in row.items() if name not in _USE}


def _is_recorded(connection: Connection, key_id: int) -> bool:
    """Whether the newest signed row of the ledger about this key says what its row says."""
    query = select(_ENTRIES).where(_ENTRIES.c.payload.contains(f'"key_id":{key_id}', autoescape=True))
    for entry in connection.execute(query.order_by(_ENTRIES.c.sequence.desc())).mappings():
        recorded = LedgerEntry(**entry)
        facts = recorded.facts()
        # a role that may not read the whole ledger cannot tell whether a row without a signature is genuine
        if facts["key_id"] == key_id and recorded.signature and ledger.is_genuine(connection, recorded):
            return not list(recorded_facts.differing(_row(connection, key_id), facts))
    return False
