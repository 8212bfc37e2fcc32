"""How the API's pages are drawn: one environment, who is signed in, and errors as pages instead of JSON."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Coroutine
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute

from sentiment_lib.pages.assets import CACHE_CONTROL, Assets
from sentiment_lib.pages.templates import environment
from sentiment_lib.serving import problems
from sentiment_lib.serving.api_keys import Caller
from sentiment_lib.serving.authentication import identify

HERE = Path(__file__).parent
PAGES = (("Try", "/"), ("Label", "/label"))
#: Sent by our own scripts, which put the answer into the page that is there.
PARTIAL = "x-partial"

assets = APIRouter(prefix="/static", include_in_schema=False)


@cache
def _files() -> Assets:
    return Assets(HERE / "static")


@cache
def _templates() -> jinja2.Environment:
    return environment(HERE / "templates", assets=_files(), static_base="/static")


@assets.get("/{name}")
def static_file(name: str) -> Response:
    """A stylesheet, script or picture; links carry its digest, so it may be kept for ever."""
    content, media_type = _files().content(name)
    return Response(content, media_type=media_type, headers={"Cache-Control": CACHE_CONTROL})


def page(
    request: Request, template: str, *, status: int = 200, caller: Caller | None = None, **values: Any
) -> Response:
    """A template as an answer that nobody else's cache keeps."""
    nav = tuple((words, address, request.url.path == address) for words, address in PAGES)
    text = (
        _templates()
        .get_template(template)
        .render(nav=nav, caller=caller, partial=is_partial(request), here=request.url.path, **values)
    )
    return HTMLResponse(text, status_code=status, headers={"Cache-Control": "no-store"})


def is_partial(request: Request) -> bool:
    """Whether a script of ours asks, and wants only what changes."""
    return PARTIAL in request.headers


def visitor(role: str) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency as `access.require`, which sends a browser that is not signed in to the sign-in page."""

    async def caller(request: Request) -> Caller:
        found = await identify(request)
        if found is None:
            back = quote(request.url.path) if request.method == "GET" else "/"
            raise HTTPException(303, "sign in first", headers={"Location": f"/login?next={back}"})
        if not found.may(role):
            raise HTTPException(403, f"This page needs a key with the role {role}; the one of {found.name} has it not.")
        request.scope.setdefault("told", {})["caller"] = found.name
        return found

    return caller


class PageRoute(APIRoute):
    """A route whose errors are pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with its errors drawn."""
        handler = super().get_route_handler()

        async def drawn(request: Request) -> Response:
            try:
                return await handler(request)
            except Exception as error:
                found = problems.answer(request, error)
                if found is None:
                    raise
                if found.status_code < 400:
                    return Response(status_code=found.status_code, headers={"Location": found.headers["location"]})
                told = json.loads(bytes(found.body))
                response = page(
                    request,
                    "problem.html",
                    status=found.status_code,
                    title=HTTPStatus(found.status_code).phrase,
                    detail=told["detail"],
                    request_id=told.get("request_id", ""),
                )
                if wait := found.headers.get("retry-after"):
                    response.headers["Retry-After"] = wait
                return response

        return drawn
