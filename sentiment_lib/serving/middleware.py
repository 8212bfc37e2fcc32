"""ASGI middleware around the whole app: request id, body and time limits, security headers, one log line, one count.

The body is read here, within its limits, before anything else sees the request.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import MutableMapping
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sentiment_lib.pages.templates import content_security_policy
from sentiment_lib.serving.metrics import Metrics
from sentiment_lib.serving.problems import problem
from sentiment_lib.settings import ServingSettings

log = logging.getLogger("sentiment_lib.serving.requests")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: Routes that machines poll: counted, not logged.
UNLOGGED_ROUTES = ("/healthz", "/readyz", "/metrics")
SECURITY_HEADERS = [
    (name.encode(), value.encode())
    for name, value in {
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "x-frame-options": "DENY",
        "content-security-policy": content_security_policy("none"),
    }.items()
]


class BodyTooLarge(Exception):
    """The request's body exceeds the limit"""


def add_log_fields(scope: MutableMapping[str, Any], **fields: object) -> None:
    """Add fields to the log line of this request."""
    scope.setdefault("log_fields", {}).update(fields)


class RequestMiddleware:
    """Limits, logs and counts every HTTP request."""

    def __init__(self, app: ASGIApp, limits: ServingSettings, metrics: Metrics) -> None:
        self._app = app
        self._limits = limits
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        header = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
        scope["request_id"] = request_id = header if _REQUEST_ID.fullmatch(header) else secrets.token_hex(8)
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                names = {name for name, _ in message["headers"]}
                message["headers"] += [(b"x-request-id", request_id.encode())]
                message["headers"] += [header for header in SECURITY_HEADERS if header[0] not in names]
            await send(message)

        try:
            refusal = await self._run(scope, receive, send_with_headers)
            if refusal is not None and status == 0:
                await refusal(scope, receive, send_with_headers)
        except Exception:
            log.exception("request %s failed", request_id)
            if status:
                raise  # the response has begun: the server can only cut it off
            await problem(500, "the request failed; look up its id in the log", request_id=request_id)(
                scope, receive, send_with_headers
            )
        finally:
            self._observe(scope, status, time.perf_counter() - started)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> Response | None:
        """Run the app; returns the response to send instead when a limit is exceeded."""
        request_id = scope["request_id"]
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                body = await self._read_body(scope, receive)
        except BodyTooLarge:
            detail = f"the body exceeds {self._limits.maximum_body_bytes:,} bytes"
            return problem(413, detail, request_id=request_id, headers={"Connection": "close"})
        except TimeoutError:
            detail = f"the body did not arrive within {self._limits.body_seconds:g} seconds"
            return problem(408, detail, request_id=request_id, headers={"Connection": "close"})
        if body is None:  # the client has disconnected
            return None
        scope["body_bytes"] = len(body)
        replayed = False

        async def replay() -> Message:
            nonlocal replayed
            if replayed:
                return await receive()
            replayed = True
            return {"type": "http.request", "body": body, "more_body": False}

        try:
            async with asyncio.timeout(self._limits.response_seconds):
                await self._app(scope, replay, send)
        except TimeoutError:
            detail = f"no response within {self._limits.response_seconds:g} seconds"
            return problem(503, detail, request_id=request_id)
        return None

    async def _read_body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body, or None when the client disconnects; raises BodyTooLarge."""
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if declared.isdigit() and int(declared) > self._limits.maximum_body_bytes:
            raise BodyTooLarge
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._limits.maximum_body_bytes:
                raise BodyTooLarge
            if not message.get("more_body"):
                return b"".join(parts)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        """Count and log the request."""
        # the route's pattern, not the path: ids would make one time series each
        route = getattr(scope.get("route"), "path", "") or "unknown"
        self._metrics.requests.labels(route, status).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        if route in UNLOGGED_ROUTES or not log.isEnabledFor(logging.INFO):
            return
        fields: dict[str, Any] = {
            "request": scope["request_id"],
            "method": scope["method"],
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 2),
            **scope.get("log_fields", {}),
        }
        log.info("request", extra={"fields": fields})
