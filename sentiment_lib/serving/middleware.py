"""What every request passes: id, size and time limits, security headers, one log line and one count.

A plain ASGI layer: the body is read here, within its limits, before anything else sees the request.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sentiment_lib.pages.templates import content_security_policy
from sentiment_lib.serving.metrics import Metrics
from sentiment_lib.serving.problems import problem
from sentiment_lib.settings import ServingSettings

log = logging.getLogger("sentiment_lib.serving.requests")

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: Routes that are asked every few seconds by machines: counted, not logged.
QUIET = ("/healthz", "/readyz", "/metrics")
HEADERS = [
    (name.encode(), value.encode())
    for name, value in {
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "x-frame-options": "DENY",
        "content-security-policy": content_security_policy("none"),
    }.items()
]


class TooLarge(Exception):
    """The body has more bytes than are taken."""


class Edge:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp, limits: ServingSettings, metrics: Metrics) -> None:
        self._app = app
        self._limits = limits
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
        scope["request_id"] = request_id = given if _ID.fullmatch(given) else secrets.token_hex(8)
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                there = {name for name, _ in message["headers"]}
                message["headers"] += [(b"x-request-id", request_id.encode())]
                message["headers"] += [header for header in HEADERS if header[0] not in there]
            await send(message)

        try:
            refused = await self._run(scope, receive, sending)
            if refused is not None and status == 0:
                await refused(scope, receive, sending)
        except Exception:
            log.exception("request %s failed", request_id)
            if status:
                raise  # the answer has begun: the server can only cut it off
            await problem(500, "the request failed; its id leads to the log", request_id=request_id)(
                scope, receive, sending
            )
        finally:
            self._tell(scope, status, time.perf_counter() - started)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> Response | None:
        """Run the app; an answer to send instead when a limit was passed."""
        request_id = scope["request_id"]
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                body = await self._body(scope, receive)
        except TooLarge:
            detail = f"a body has at most {self._limits.maximum_body_bytes} bytes"
            return problem(413, detail, request_id=request_id, headers={"Connection": "close"})
        except TimeoutError:
            detail = f"the body did not arrive within {self._limits.body_seconds:g} seconds"
            return problem(408, detail, request_id=request_id, headers={"Connection": "close"})
        if body is None:  # the caller has gone
            return None
        told = False

        async def replay() -> Message:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "http.request", "body": body, "more_body": False}

        try:
            async with asyncio.timeout(self._limits.answer_seconds):
                await self._app(scope, replay, send)
        except TimeoutError:
            detail = f"no answer within {self._limits.answer_seconds:g} seconds"
            return problem(503, detail, request_id=request_id)
        return None

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if declared.isdigit() and int(declared) > self._limits.maximum_body_bytes:
            raise TooLarge
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._limits.maximum_body_bytes:
                raise TooLarge
            if not message.get("more_body"):
                return b"".join(parts)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        # the route's pattern, not the path: ids must not become labels
        route = getattr(scope.get("route"), "path", "") or "unknown"
        self._metrics.requests.labels(route, status).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        if route in QUIET or not log.isEnabledFor(logging.INFO):
            return
        facts: dict[str, Any] = {
            "request": scope["request_id"],
            "method": scope["method"],
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 2),
            **scope.get("told", {}),
        }
        log.info("answered", extra={"facts": facts})
