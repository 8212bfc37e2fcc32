"""Reading of request bodies: large ones are charged before they are parsed, and parsed off the event loop.

A caller that was told to come back later is refused until then without a look at the body, if that is as large.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from sentiment_lib.serving.admission import UNIT_BYTES
from sentiment_lib.serving.api_keys import Caller
from sentiment_lib.serving.authentication import identify, no_caller

if TYPE_CHECKING:
    from sentiment_lib.serving.service import Service

#: Bytes of a body up to which it is parsed without a look at the key's rate limit.
SMALL_BODY = 4096
#: Bytes of a body above which it is large.
LARGE_BODY = 64 << 10
#: Fields of a JSON object: the validation of each unknown one costs time.
MAX_FIELDS = 20


class JsonRequest(Request):
    """A request whose JSON is parsed by orjson, in a thread when it is large."""

    async def json(self) -> Any:
        """The body's value; raises JSONDecodeError, and HTTPException 422 for an object with too many fields."""
        body = await self.body()
        value = orjson.loads(body) if len(body) <= LARGE_BODY else await asyncio.to_thread(orjson.loads, body)
        if isinstance(value, dict) and len(value) > MAX_FIELDS:
            raise HTTPException(422, f"the request has {len(value):,} fields, more than {MAX_FIELDS}")
        return value


class JsonRoute(APIRoute):
    """A route that reads JSON: a large body only from a caller with a key, against the key's rate limit."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with the body guarded."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            caller = await pay_for_body(request)
            try:
                return await handler(JsonRequest(request.scope, request.receive))
            except HTTPException as refusal:
                if caller is not None and refusal.status_code == 429 and refusal.headers:
                    service: Service = request.app.state.service
                    seconds = float(refusal.headers["Retry-After"])
                    service.refusals.note(caller.name, request.scope["body_bytes"], seconds)
                raise

        return handle


async def pay_for_body(request: Request) -> Caller | None:
    """Charge a large body to the caller before it is parsed; the caller, None for a small body, which nobody pays.

    Raises HTTPException 401 without a caller, and 429 for one whose rate limit is overdrawn, or who comes back with as
    large a body before the time that the last refusal named.
    """
    size = request.scope.get("body_bytes", 0)
    if size <= SMALL_BODY:
        return None
    caller = await identify(request)
    if caller is None:
        raise HTTPException(401, no_caller(request), headers={"WWW-Authenticate": "Bearer"})
    service: Service = request.app.state.service
    if wait := service.refusals.remaining(caller.name, size):
        raise _too_early(wait, "this key was told to come back later")
    charge(service, caller, size / UNIT_BYTES if size > LARGE_BODY else 0)
    return caller


def charge(service: Service, caller: Caller, units: float) -> None:
    """Take the cost from the caller's rate limit; raises HTTPException 429 with Retry-After when it is used up."""
    wait = service.rate_limit.acquire(caller.name, units)
    if wait:
        raise _too_early(wait, "the rate limit of this key is used up")


def _too_early(wait: float, detail: str) -> HTTPException:
    return HTTPException(429, detail, headers={"Retry-After": str(max(1, math.ceil(wait)))})
