"""Erasure page: each request to forget with its state and its clock, and the receipt of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.policy import Policy
from sentiment_lib.steps.erasure import receipt
from sentiment_lib.storage import erasure_requests, model_versions
from sentiment_lib.storage.erasure_audit import ERASED, FINISHED
from sentiment_lib.storage.erasure_requests import ErasureRequest

#: Newest requests shown.
ROWS = 100
#: What a request asks to forget, by kind.
KINDS = {
    "tweets": "tweets by id",
    "author": "an author",
    "age": "tweets past their age",
    "compliance": "what X has removed",
}
STATES = {"received": "waits", "erasing": "being erased", "models": "erased, models follow", "done": "done"}


@dataclass(frozen=True, kw_only=True)
class RequestRow:
    """A request as shown."""

    request: ErasureRequest
    #: what it asks to forget, in words
    of: str
    state: str
    #: share of its time that has passed until it was erased, or until now; above 1 when it is late
    elapsed: float
    #: what is left, or whether it was in time
    clock: str
    #: "good", "warn" or "bad"
    mood: str


def view(connection: Connection, policy: Policy, now: datetime | None = None) -> dict[str, Any]:
    """Template values of the list."""
    moment = now or clock.now()
    rows = [_row(request, policy, moment) for request in erasure_requests.newest(connection, ROWS)]
    return {"rows": rows, "answer": _answer(rows), "within": policy.erasure.within}


def one(connection: Connection, policy: Policy, request_id: int, now: datetime | None = None) -> dict[str, Any]:
    """Template values of a request with its receipt. Raises NotFound for an unknown one."""
    request = erasure_requests.by_id(connection, request_id)
    told = receipt.of_request(connection, request_id)
    rows = {row["kind"]: row for row in told["ledger"]}
    erased = rows.get(ERASED)
    backups = [
        {"name": backup["name"], "expires_at": datetime.fromisoformat(backup["expires_at"])}
        for backup in (erased or {}).get("backups", ())
    ]
    return {
        "row": _row(request, policy, now or clock.now()),
        "told": told,
        "erased": erased,
        "finished": rows.get(FINISHED),
        "places": sorted((name, count) for name, count in (erased or {}).get("found", {}).items() if count),
        "backups": backups,
        "serving": _serving(connection, told["versions"]),
    }


def _serving(connection: Connection, versions: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The champion, with the end of its time, if it learned from what was forgotten; None if it did not."""
    champion = model_versions.champion(connection)
    return next((one for one in versions if champion is not None and one["version"] == champion.version), None)


def _row(request: ErasureRequest, policy: Policy, now: datetime) -> RequestRow:
    until = request.erased_at or now
    elapsed = (until - request.received_at) / (request.due_at - request.received_at)
    late = until > request.due_at
    if request.erased_at is not None:
        clock = f"{'late' if late else 'in time'}, after {_span(until - request.received_at)}"
    else:
        clock = f"{_span(abs(request.due_at - now))} {'too late' if late else 'left'}"
    waiting = request.erased_at is None and elapsed > policy.erasure.warn_at
    return RequestRow(
        request=request,
        of=KINDS[request.kind],
        state=STATES[request.state],
        elapsed=elapsed,
        clock=clock,
        mood="bad" if late else "warn" if waiting else "good",
    )


def _span(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    if span < timedelta(seconds=30):
        return "less than a minute"
    return f"{round(span.total_seconds() / 60)} min" if hours < 1 else f"{hours:.1f} h"


def _answer(rows: list[RequestRow]) -> str:
    """The page in one sentence."""
    open_rows = [row for row in rows if row.request.erased_at is None]
    if not rows:
        return "Nobody has asked to forget anything."
    if not open_rows:
        models = sum(row.request.state == erasure_requests.MODELS for row in rows)
        done = "Every request is carried out"
        return f"{done}; models of {models} are still to be replaced." if models else f"{done}."
    urgent = min(open_rows, key=lambda row: row.request.due_at)
    who = "1 request waits: it" if len(open_rows) == 1 else f"{len(open_rows)} requests wait; the most urgent"
    return f"{who} {'is' if urgent.mood == 'bad' else 'has'} {urgent.clock}."
