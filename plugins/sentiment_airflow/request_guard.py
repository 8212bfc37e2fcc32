"""Requests that Airflow's API obeys and its audit log misses or misdescribes are refused before it sees them.

Who stands behind a run is read from that log (`steps/operations/run_people`). Airflow 3.3 writes no row when a task
instance is deleted, after which the scheduler makes the task anew and it runs again as at first; it takes a parameter
of the query for the run of the row; and it neither records a body of another content type nor a `dry_run` that is no
boolean, though it acts on both.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE = ("GET", "HEAD", "OPTIONS")
#: Airflow's own API; the console and what tasks call are no part of it.
_API = re.compile(r"(?:^|/)(?:api/v2|ui)/")
_TASK = re.compile(r"/taskInstances/[^/]+(?:/-?\d+)?/?$")
_TASKS = re.compile(r"/taskInstances/?$")
#: Parameters that name the subject of a row of the audit log; the path or the body of a request names it.
SUBJECTS = frozenset(("dag_id", "run_id", "dag_run_id", "task_id"))
#: Bytes of a body that are read; Airflow's own requests have some kilobytes.
MOST = 4 * 1024 * 1024
DELETED = "Task instances are part of who did what and are not deleted: clear them, or delete the whole run."


class RequestGuard:
    """ASGI middleware in front of Airflow's API server."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refused request with its reason, and hand on any other as it came."""
        if scope["type"] != "http" or scope["method"] in SAFE or not _API.search(scope["path"]):
            return await self._app(scope, receive, send)
        from starlette.responses import JSONResponse

        body, ended = await _read(receive)
        if (problem := refusal(scope, body) if ended else "The request is too large.") is not None:
            return await JSONResponse({"detail": problem}, status_code=403)(scope, receive, send)
        return await self._app(scope, _again(body, receive), send)


def refusal(scope: Scope, body: bytes) -> str | None:
    """Why a request that changes something is refused; None when it is not."""
    from starlette.requests import Request

    request = Request(scope)
    if scope["method"] == "DELETE" and _TASK.search(scope["path"]):
        return DELETED
    if named := sorted(SUBJECTS & request.query_params.keys()):
        return f"The query of a request that changes something may not have {', '.join(named)}."
    if not body:
        return None
    if "application/json" not in request.headers.get("content-type", ""):
        return "A body must be of the content type application/json."
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return "The body is no JSON."
    if not isinstance(said, dict):
        return None
    if not isinstance(said.get("dry_run", False), bool):
        return "dry_run is true or false."
    if _TASKS.search(scope["path"]) and _deletes(said.get("actions")):
        return DELETED
    return None


def _deletes(actions: Any) -> bool:
    return isinstance(actions, list) and any(isinstance(one, dict) and one.get("action") == "delete" for one in actions)


async def _read(receive: Receive) -> tuple[bytes, bool]:
    """The body, and whether it ended within MOST."""
    body = b""
    while len(body) <= MOST:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body, True
    return body, False


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read, and then what comes after it."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
