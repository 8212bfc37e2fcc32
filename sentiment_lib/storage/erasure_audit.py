"""Checks of what was forgotten: requests, tombstones and erased versions against the ledger; each gives sentences."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC
from typing import Any

from sqlalchemy import Connection, text

from sentiment_lib.errors import TombstoneKeyMissing
from sentiment_lib.hashing import to_json_value
from sentiment_lib.storage import erasure_requests, ledger, tombstones, version_erasures
from sentiment_lib.storage.erasure_requests import DONE, MODELS

#: Kinds of the ledger rows of a request: received, erased from everything but models, done.
RECEIVED, ERASED, FINISHED = "erasure_request", "erasure", "erasure_done"
#: Columns of a request that its rows of the ledger name.
_COLUMNS = ("kind", "requested_by", "received_at", "due_at")


def requests(connection: Connection) -> list[str]:
    """Requests that are not what was recorded, whose receipt is missing, and receipts without a request."""
    recorded = {kind: _by_request(connection, kind) for kind in (RECEIVED, ERASED, FINISHED)}
    problems = []
    known = set()
    for request in erasure_requests.every(connection):
        number = request.request_id
        known.add(number)
        name = f"request {number} to forget"
        problems += [f"{name} was changed: its {column} cannot be read" for column in request.unreadable]
        facts = recorded[RECEIVED].get(number)
        if facts is None:
            if request.state != erasure_requests.RECEIVED:
                problems.append(f"{name} has no ledger row")
            continue
        problems += [f"{name} was changed: {column}" for column in _COLUMNS if _differs(request, facts, column)]
        if (request.state in (MODELS, DONE)) != (number in recorded[ERASED]):
            problems.append(f"{name} is {request.state}, and its receipt says something else")
        if (request.state == DONE) != (number in recorded[FINISHED]):
            problems.append(f"{name} is {request.state}, and the end of its receipt says something else")
    problems += [
        f"request {number} to forget is carried out, and names tweets again"
        for number in erasure_requests.with_ids_of_the_past(connection)
    ]
    problems += [
        f"request {number} to forget is in the ledger, and its row is gone"
        for number in sorted(recorded[RECEIVED].keys() - known)
    ]
    return problems


def _differs(request: erasure_requests.ErasureRequest, facts: dict[str, Any], column: str) -> bool:
    value = getattr(request, column)
    return bool((value if isinstance(value, str) else to_json_value(value.astimezone(UTC))) != facts[column])


def made(connection: Connection) -> list[str]:
    """Tombstones that are not those of their receipt: one that was removed lets a tweet in again."""
    recorded: dict[int, str] = {}
    lifted = defaultdict[int, set[str]](set)
    for entry in ledger.genuine_entries(connection, (ERASED, tombstones.LIFTED)):
        facts = entry.facts()
        number = int(facts["request_id"])
        if entry.kind == ERASED:
            recorded[number] = facts["tombstones_hash"]
        elif number in recorded:  # what was lifted before is in no receipt
            lifted[number] |= set(facts["hashes"])
    problems = []
    for number, tombstones_hash in sorted(recorded.items()):
        present = set(tombstones.of_request(connection, number))
        if tombstones_hash not in (hash_of(present), hash_of(present | lifted[number])):
            problems.append(f"tombstones of request {number} to forget were changed")
    return problems


def hash_of(hashes: Iterable[str]) -> str:
    """SHA-256 over tombstones in hex, in order."""
    return hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()


def resurrected(connection: Connection) -> list[str]:
    """Forgotten tweets that are stored again; reads the id of every tweet."""
    try:
        return [
            f"tweet {tweet_id} was forgotten, and is stored again" for tweet_id in tombstones.stored_again(connection)
        ]
    except TombstoneKeyMissing as error:
        return [str(error)]


def versions(connection: Connection) -> list[str]:
    """Versions whose erasure the table and the ledger do not agree on."""
    recorded = version_erasures.erased_versions(connection)
    query = text("SELECT DISTINCT version FROM version_erasures WHERE erased_at IS NOT NULL")
    marked = set(connection.execute(query).scalars())
    problems = [f"version {number} is marked as erased without a ledger row" for number in sorted(marked - recorded)]
    return problems + [
        f"version {number} was erased, and its row says it was not" for number in sorted(recorded - marked)
    ]


def _by_request(connection: Connection, kind: str) -> dict[int, dict[str, Any]]:
    entries = ledger.genuine_entries(connection, (kind,))
    return {int(facts["request_id"]): facts for facts in (entry.facts() for entry in entries)}
