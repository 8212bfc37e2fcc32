"""Who may do what: an API key in a header, or a browser that was signed in with one.

A browser's cookie holds a signed copy of the key's hash, so a revoked key ends its sessions too. Requests that change
something are taken from a browser only when it says that they come from our own pages (Fetch Metadata, or Origin).
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
from sentiment_lib.settings import Settings

if TYPE_CHECKING:
    from sentiment_lib.serving.service import Service

COOKIE = "sentiment_session"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
#: What the OpenAPI document says of keys.
SCHEMES = {
    "Bearer": {"type": "http", "scheme": "bearer"},
    "APIKeyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def require(role: str) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency that gives the caller, or answers 401 or 403."""

    async def caller(request: Request) -> Caller:
        found = await identify(request)
        if found is None:
            raise HTTPException(401, "an API key is needed", headers={"WWW-Authenticate": "Bearer"})
        if not found.may(role):
            raise HTTPException(403, f"this key may not do this: it needs the role {role}")
        request.scope.setdefault("told", {})["caller"] = found.name
        return found

    return caller


async def identify(request: Request) -> Caller | None:
    """The caller by header or by cookie; None for nobody. 403 for a request that another site made a browser send."""
    ring = _service(request).keys
    key = _key_in_header(request)
    if key is not None:
        return await _lookup(ring, digest_of(key))
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
    return await _lookup(ring, digest)


async def sign_in(request: Request, response: Response, key: str) -> Caller | None:
    """Put a session for this key into the response; None, and no session, when the key is not in use."""
    service = _service(request)
    caller = await _lookup(service.keys, digest_of(key.strip()))
    if caller is not None:
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
    """End the browser's session."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")


async def _lookup(ring: KeyRing, digest: bytes) -> Caller | None:
    known = ring.believed(digest)  # without a thread when the key was just seen
    return known[0] if known is not None else await run_in_threadpool(ring.by_digest, digest)


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
