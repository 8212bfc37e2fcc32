"""The receipt of a request to forget: what was searched, found and erased, where, and what remains until when.

It is signed as a row of the ledger, first when everything but the models is erased, then when the models are.
It has numbers, times, names of places and of files that cannot be read; no word of the content.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection

from sentiment_lib.erasure import catalogue
from sentiment_lib.errors import SignatureRefused
from sentiment_lib.settings import Settings
from sentiment_lib.signing import KeyRing
from sentiment_lib.steps.erasure import backups, exported_files
from sentiment_lib.steps.erasure.request_erasure import facts
from sentiment_lib.storage import (
    erasure_audit,
    erasure_requests,
    exports,
    ledger,
    model_versions,
    tombstones,
    version_erasures,
)
from sentiment_lib.storage.erasure_audit import ERASED, FINISHED, RECEIVED
from sentiment_lib.storage.erasure_requests import DONE, MODELS
from sentiment_lib.storage.version_erasures import VersionErasure

#: Format of an exported receipt.
FORMAT = 1
#: What such a document has; all but its rows is derived from them.
_FIELDS = frozenset({"receipt", "request_id", "entries", "public_keys"})
#: What each row says of the request in the same words.
_OF_THE_REQUEST = frozenset({"kind", "requested_by", "received_at", "due_at", "named", "reasons"})


def erased(connection: Connection, settings: Settings, request_id: int, *, at: datetime) -> None:
    """Move the request to MODELS with the signed row that says what was erased, in this transaction."""
    erasure_requests.set_state(connection, request_id, MODELS, at=at)
    request = erasure_requests.by_id(connection, request_id)
    hashes = tombstones.of_request(connection, request_id)
    found = dict(request.counts.get("found", {}))
    body = {
        **facts(request),
        "erased_at": at.astimezone(UTC),
        "in_time": at <= request.due_at,
        "searched": [place.name for place in catalogue.PLACES],
        "airflow": dict(request.counts.get("airflow", {})),
        "holding_nothing": [place.name for place in catalogue.PLACES if place.is_harmless],
        "found": found,
        "erased": found,
        "unreadable": list(request.counts.get("unreadable", ())),
        "unfinished": list(request.counts.get("unfinished", ())),
        "snapshots_without_proof": dict(request.counts.get("unproven", {})),
        "rewritten": list(request.counts.get("rewrite", ())),
        "tombstones": len(hashes),
        "tombstones_hash": erasure_audit.hash_of(hashes),
        "versions": _of_versions(connection, request_id),
        "serving": _serving(connection, request_id),
        "backups": backups.listed(connection, settings),
        "exports_out_of_reach": exports.elsewhere(connection, socket.gethostname()),
        "exports_left": _left(connection, settings, request.counts),
    }
    ledger.append(connection, ERASED, body)


def finished(connection: Connection, settings: Settings, request_id: int, *, at: datetime) -> None:
    """End the request with the signed row that says what became of the models, in this transaction."""
    erasure_requests.set_state(connection, request_id, DONE, at=at)
    body = {
        "request_id": request_id,
        "received_at": erasure_requests.by_id(connection, request_id).received_at.astimezone(UTC),
        "finished_at": at.astimezone(UTC),
        "versions": _of_versions(connection, request_id),
        "backups": backups.listed(connection, settings),
    }
    ledger.append(connection, FINISHED, body)


def of_request(connection: Connection, request_id: int) -> dict[str, Any]:
    """The receipt as far as it is written: the signed rows of the request, and its present state."""
    request = erasure_requests.by_id(connection, request_id)
    rows = [
        {**entry.facts(), "kind": entry.kind, "sequence": entry.sequence, "recorded_at": entry.recorded_at}
        for kind in (RECEIVED, ERASED, FINISHED)
        if (entry := ledger.find_genuine(connection, kind, {"request_id": request_id})) is not None
    ]
    return {
        **facts(request),
        "state": request.state,
        "erased_at": request.erased_at,
        "finished_at": request.finished_at,
        "versions": [vars(erasure) for erasure in version_erasures.of_request(connection, request_id)],
        "ledger": rows,
    }


def export(connection: Connection, settings: Settings, request_id: int) -> dict[str, Any]:
    """The receipt as a document by itself: the signed rows of the ledger as they are, and the public keys."""
    erasure_requests.by_id(connection, request_id)
    entries = [
        ledger.find_genuine(connection, kind, {"request_id": request_id}) for kind in (RECEIVED, ERASED, FINISHED)
    ]
    return {
        "receipt": FORMAT,
        "request_id": request_id,
        "entries": [
            {**vars(entry), "recorded_at": entry.recorded_at.astimezone(UTC).isoformat()} for entry in entries if entry
        ],
        "public_keys": [key.key_id for key in settings.key_ring.public_keys()],
    }


def problems(content: Any, ring: KeyRing) -> list[str]:
    """What is wrong with a receipt, as sentences: rows that nobody signed, that were changed, or are of another one.

    A receipt of a request that is not erased yet proves nothing, and is a problem as well.
    """
    try:
        request_id = content["request_id"]
        entries = [
            ledger.LedgerEntry(**{**entry, "recorded_at": datetime.fromisoformat(entry["recorded_at"])})
            for entry in content["entries"]
        ]
        if type(content["receipt"]) is not int or content["receipt"] != FORMAT:
            return [f"it has the format {content['receipt']}, and {FORMAT} is known"]
        if type(request_id) is not int:
            return [f"the number of its request is {request_id!a}, which is no number"]
        found = [problem for entry in entries for problem in _entry_problems(entry, request_id, ring)]
        found += _problems_between(entries)
        known = [key.key_id for key in ring.public_keys()]
        if any(one not in known for one in content["public_keys"]):
            found.append("it names public keys that are not the platform's")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return [f"it is no receipt ({type(error).__name__})"]
    if foreign := sorted(map(str, content.keys() - _FIELDS)):
        found.append(f"it has what nobody signed: {', '.join(foreign)}")
    return found


def _problems_between(entries: list[ledger.LedgerEntry]) -> Iterator[str]:
    """Rows that are missing, doubled or out of order, or are of several requests: of a database before a restore."""
    kinds = [entry.kind for entry in entries]
    if kinds[:1] != [RECEIVED]:
        yield "it has no row of the request"
        return
    if kinds != [RECEIVED, ERASED, FINISHED][: len(kinds)]:
        yield f"its rows are {', '.join(kinds)}, and not those of one request in their order"
        return
    if len(entries) == 1:
        yield "the request is not erased yet"
    asked = entries[0].facts()
    for before, after in pairwise(entries):
        if not (before.sequence < after.sequence and before.recorded_at <= after.recorded_at):
            yield f"row {after.sequence} ({after.kind}) was written before row {before.sequence} ({before.kind})"
    for entry in entries[1:]:
        said = entry.facts()
        other = sorted(name for name in _OF_THE_REQUEST & asked.keys() & said.keys() if said[name] != asked[name])
        if other or (entry.kind == ERASED and not said.keys() >= _OF_THE_REQUEST):
            yield f"row {entry.sequence} ({entry.kind}) is of another request: {', '.join(other) or 'its facts'}"


def _entry_problems(entry: ledger.LedgerEntry, request_id: int, ring: KeyRing) -> Iterator[str]:
    name = f"row {entry.sequence} ({entry.kind})"
    if entry.kind not in (RECEIVED, ERASED, FINISHED) or entry.facts().get("request_id") != request_id:
        yield f"{name} is of something else than request {request_id}"
    digest = ledger.entry_hash(entry.sequence, entry.kind, entry.payload, entry.previous_hash, entry.recorded_at)
    if digest != entry.entry_hash:
        yield f"{name} was changed: its content does not give its hash"
    try:
        ring.verify(ledger.PURPOSE, entry.entry_hash.encode(), entry.signature or "", at=entry.recorded_at)
    except SignatureRefused as error:
        yield f"{name} has no valid signature: {error.details['problem']}"


def _left(connection: Connection, settings: Settings, counts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Exports whose files are as they were: those that could not be changed then, and those that may not be."""
    then = {int(number): why for number, why in counts.get("left", {}).items()}
    listed = exported_files.left(connection, settings.home)
    return [{"export": number, "why": why} for number, why in sorted(then.items())] + [
        one for one in listed if one["export"] not in then
    ]


def _of_versions(connection: Connection, request_id: int) -> list[dict[str, Any]]:
    return [_of_version(connection, erasure) for erasure in version_erasures.of_request(connection, request_id)]


def _of_version(connection: Connection, erasure: VersionErasure) -> dict[str, Any]:
    version = model_versions.by_version(connection, erasure.version)
    return {
        "version": version.version,
        "family": version.family,
        "digest": version.digest,
        "relation": erasure.relation,
        "rows": erasure.rows,
        "due_at": erasure.due_at.astimezone(UTC),
        "replacement": erasure.replacement,
        "exact": erasure.exact,
        "erased_at": None if erasure.erased_at is None else erasure.erased_at.astimezone(UTC),
    }


def _serving(connection: Connection, request_id: int) -> dict[str, Any] | None:
    """What serves meanwhile, and until when, if it learned from a forgotten tweet."""
    champion = model_versions.champion(connection)
    if champion is None:
        return None
    waits = {erasure.version: erasure for erasure in version_erasures.of_request(connection, request_id)}
    erasure = waits.get(champion.version)
    until = None if erasure is None else erasure.due_at.astimezone(UTC)
    return {"version": champion.version, "learned_from_it": erasure is not None, "until": until}
