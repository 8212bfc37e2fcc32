"""Person tokens: name, SHA-256 hash and expiry; the token itself is never stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
    issued = ledger.find_genuine(connection, "token_issued", {"token_id": token.token_id})
    return None if issued is None or _differing(token, token_hash, issued.facts()) else token


def recorded_hash(token_hash: bytes) -> str:
    """What the ledger keeps of a stored hash: it says no more than that it is the same."""
    return hashlib.sha256(token_hash).hexdigest()


def against_ledger(connection: Connection) -> list[str]:
    """Problems of the tokens that are not revoked: not issued by the platform, changed, or with a revocation undone."""
    issued, revoked = dict[int, ledger.LedgerEntry](), dict[str, ledger.LedgerEntry]()
    for entry in ledger.genuine_entries(connection, ("token_issued", "token_revoked")):
        if entry.kind == "token_issued":
            issued[int(entry.facts()["token_id"])] = entry
        else:
            revoked[entry.facts()["name"]] = entry
    problems = list[str]()
    rows = connection.execute(
        text(f"SELECT {COLUMNS}, token_hash FROM person_tokens WHERE revoked_at IS NULL ORDER BY token_id")
    )
    for row in rows.mappings():
        token, token_hash = PersonToken(**{name: row[name] for name in COLUMNS.split(", ")}), bytes(row["token_hash"])
        name, origin = f"token {token.token_id} of {token.name}", issued.get(token.token_id)
        if origin is None:
            problems.append(f"{name} has no ledger row")
            continue
        problems += [f"{name} was changed: {field}" for field in _differing(token, token_hash, origin.facts())]
        end = revoked.get(token.name)
        if end and origin.sequence < end.sequence and end.recorded_at < token.expires_at:
            problems.append(f"{name} was revoked, and its row says that it is in use")
    return problems


def _differing(token: PersonToken, token_hash: bytes, issued: Mapping[str, Any]) -> list[str]:
    """Columns of a token that are not as they were when it was issued; an earlier release recorded no hash."""
    same = {
        "name": issued["name"] == token.name,
        "issued_by": issued["issued_by"] == token.issued_by,
        "expires_at": datetime.fromisoformat(issued["expires_at"]) == token.expires_at,
        "token_hash": issued.get("token_hash") in (None, recorded_hash(token_hash)),
    }
    return [name for name, held in same.items() if not held]


def list_tokens(connection: Connection) -> list[PersonToken]:
    """Tokens in use, by name."""
    rows = connection.execute(text(f"SELECT {COLUMNS} FROM person_tokens WHERE {IN_USE} ORDER BY name, token_id"))
    return [PersonToken(**row) for row in rows.mappings()]


def other_issuers(connection: Connection, name: str) -> list[str]:
    """People who issued a token in use of this person, without themselves."""
    held = {one.token_id for one in list_tokens(connection) if one.name == name}
    issued = [entry.facts() for entry in ledger.genuine_entries(connection, ("token_issued",))]
    return sorted({one["issuer"] for one in issued if int(one["token_id"]) in held and one.get("issuer")} - {name})


def revoke_tokens(connection: Connection, name: str) -> int:
    """Revoke every token of this person; returns how many were in use."""
    return connection.execute(
        text(f"UPDATE person_tokens SET revoked_at = now() WHERE name = :name AND {IN_USE}"), {"name": name}
    ).rowcount


def revoke_all(connection: Connection) -> int:
    """Revoke every token; returns how many were in use."""
    return connection.execute(text(f"UPDATE person_tokens SET revoked_at = now() WHERE {IN_USE}")).rowcount


def revoke_token(connection: Connection, token_id: int) -> None:
    """Revoke one token."""
    connection.execute(
        text("UPDATE person_tokens SET revoked_at = now() WHERE token_id = :id AND revoked_at IS NULL"),
        {"id": token_id},
    )
