"""Authentication: an API key in a header, or a browser session that was opened with one.

A session cookie holds a signed copy of the key's hash, so revoking a key ends its sessions too. Unsafe methods need
proof that a session's request comes from our own pages (Fetch Metadata, or Origin).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from fastapi import HTTPException, Request, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.concurrency import run_in_threadpool

from sentiment_lib.pages.same_origin import is_same_origin
from sentiment_lib.serving.api_keys import Caller, KeyRing, digest_of
from sentiment_lib.serving.middleware import add_log_fields
from sentiment_lib.settings import Settings

if TYPE_CHECKING:
    from sentiment_lib.serving.service import Service

COOKIE = "sentiment_session"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
#: Security schemes of the OpenAPI document.
SCHEMES = {
    "Bearer": {"type": "http", "scheme": "bearer"},
    "APIKeyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def require(role: str) -> Callable[[Request], Awaitable[Caller]]:
    """A FastAPI dependency that returns the caller; raises HTTPException 401 without one, 403 without the role."""

    async def dependency(request: Request) -> Caller:
        caller = await identify(request)
        if caller is None:
            raise HTTPException(401, no_caller(request), headers={"WWW-Authenticate": "Bearer"})
        if not caller.may(role):
            raise HTTPException(403, f"this key lacks the role {role}")
        add_log_fields(request.scope, caller=caller.name)
        return caller

    return dependency


async def identify(request: Request) -> Caller | None:
    """The caller by header or by session; None for neither.

    Raises HTTPException 403 for a cross-site request, 429 after too many bad keys from one address.
    """
    keys = _service(request).keys
    key = _key_in_header(request)
    if key is not None:
        caller = await _lookup(keys, digest_of(key))
        if caller is None:
            _count_failure(request)
        return caller
    session = request.cookies.get(COOKIE)
    if session is None:
        return None
    if request.method not in SAFE_METHODS and not is_same_origin(request.headers):
        raise HTTPException(403, "this request comes from another site")
    settings = _service(request).settings
    try:
        digest = bytes.fromhex(_signer(settings).loads(session, max_age=int(settings.serving.session_hours * 3600)))
    except (BadSignature, ValueError):
        return None
    return await _lookup(keys, digest)


async def sign_in(request: Request, response: Response, key: str) -> Caller | None:
    """Set a session cookie for this key on the response; returns None, without a cookie, for a key not in use.

    Raises HTTPException 429 after too many failures from one address.
    """
    service = _service(request)
    caller = await _lookup(service.keys, digest_of(key.strip()))
    if caller is None:
        _count_failure(request)
    else:
        response.set_cookie(
            COOKIE,
            str(_signer(service.settings).dumps(digest_of(key.strip()).hex())),
            max_age=int(service.settings.serving.session_hours * 3600),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
    return caller


def sign_out(response: Response) -> None:
    """Delete the session cookie."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")


def _count_failure(request: Request) -> None:
    """Log the address of a failed attempt; raises HTTPException 429 for too many of one address. A good key is
    never refused, so that nobody can lock others out."""
    address = request.client.host if request.client else ""
    add_log_fields(request.scope, client=address, bad_key=True)
    wait = _service(request).bad_key_rate.acquire(address)
    if wait:
        detail = "too many attempts with keys that are not in use"
        raise HTTPException(429, detail, headers={"Retry-After": str(max(1, round(wait)))})


async def _lookup(keys: KeyRing, digest: bytes) -> Caller | None:
    cached = keys.cached(digest)  # no thread for a key that was just seen
    return cached[0] if cached is not None else await run_in_threadpool(keys.by_digest, digest)


def no_caller(request: Request) -> str:
    """Says whether a key was missing or wrong."""
    return "an API key is needed" if _key_in_header(request) is None else "this API key is not in use"


def _key_in_header(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    return request.headers.get("x-api-key")


def _signer(settings: Settings) -> URLSafeTimedSerializer:
    secret = hmac.new(settings.author_key.get_secret_value().encode(), b"API sessions", hashlib.sha256).digest()
    return URLSafeTimedSerializer(secret, salt=COOKIE)


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service
