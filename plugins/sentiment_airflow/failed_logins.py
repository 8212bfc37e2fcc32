"""Throttles guessing of passwords at Airflow's token endpoints, which FAB leaves open; its login form has a limit."""

from __future__ import annotations

import logging
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

#: Endpoints that take a password and answer 401 to a wrong one.
ENDPOINTS = ("/token", "/token/cli")
FAILURES, SECONDS = 10, 60.0
#: Addresses that are remembered; the one that failed longest ago is forgotten first.
ADDRESSES = 10_000


class FailedLogins:
    """ASGI middleware: after FAILURES wrong passwords from an address within SECONDS, 429 until the oldest is that old.

    A refused request is not looked at, whatever its password. Each failure is logged with its address.
    """

    def __init__(self, app: ASGIApp, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.app, self._clock = app, clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].endswith(ENDPOINTS):
            await self.app(scope, receive, send)
            return
        address = str((scope.get("client") or ("unknown",))[0])
        wait = self._wait(address)
        if wait > 0:
            headers = {"Retry-After": str(math.ceil(wait))}
            refusal = JSONResponse({"detail": "Too many failed logins"}, status_code=429, headers=headers)
            await refusal(scope, receive, send)
            return

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:
                self._fail(address)
            await send(message)

        await self.app(scope, receive, watch)

    def _wait(self, address: str) -> float:
        """Seconds until this address may try again; 0 when it may."""
        times: Any = self._failures.get(address, ())
        return max(0.0, times[0] + SECONDS - self._clock()) if len(times) == FAILURES else 0.0

    def _fail(self, address: str) -> None:
        log.warning("failed login from %s", address)
        self._failures.setdefault(address, deque(maxlen=FAILURES)).append(self._clock())
        self._failures.move_to_end(address)
        if len(self._failures) > ADDRESSES:
            self._failures.popitem(last=False)
