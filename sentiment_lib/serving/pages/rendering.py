"""Rendering of the API's pages: templates, static files, sign-in, and errors as pages instead of JSON."""

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
from sentiment_lib.serving.bodies import pay_for_body
from sentiment_lib.serving.middleware import add_log_fields

HERE = Path(__file__).parent
PAGES = (("Try", "/"), ("Label", "/label"), ("API", "/docs"))
#: Header that our own scripts send: they insert the response into the current page.
PARTIAL_HEADER = "x-partial"

assets = APIRouter(prefix="/static", include_in_schema=False)


@cache
def _files() -> Assets:
    return Assets(HERE / "static")


@cache
def _templates() -> jinja2.Environment:
    return environment(HERE / "templates", assets=_files(), static_base="/static")


@assets.get("/{name}")
def static_file(name: str) -> Response:
    """A stylesheet, script or image; links carry its digest, so browsers may cache it forever."""
    content, media_type = _files().content(name)
    return Response(content, media_type=media_type, headers={"Cache-Control": CACHE_CONTROL})


def page(
    request: Request, template: str, *, status: int = 200, caller: Caller | None = None, **values: Any
) -> Response:
    """A rendered template; never cached."""
    here = request.url.path
    # a page and those below it are marked; the first page has all others below it
    nav = tuple((title, to, here == to or (to != "/" and here.startswith(f"{to}/"))) for title, to in PAGES)
    text = (
        _templates()
        .get_template(template)
        .render(nav=nav, caller=caller, partial=is_partial(request), here=here, **values)
    )
    return HTMLResponse(text, status_code=status, headers={"Cache-Control": "no-store"})


def is_partial(request: Request) -> bool:
    """True when one of our scripts asks for a part of the page only."""
    return PARTIAL_HEADER in request.headers


def visitor(role: str) -> Callable[[Request], Awaitable[Caller]]:
    """Like `authentication.require`, but redirects a browser without a session to the sign-in page."""

    async def dependency(request: Request) -> Caller:
        caller = await identify(request)
        if caller is None:
            back = quote(request.url.path) if request.method == "GET" else "/"
            raise HTTPException(303, "sign in first", headers={"Location": f"/login?next={back}"})
        if not caller.may(role):
            raise HTTPException(403, f"This page needs a key with the role {role}; the key {caller.name} lacks it.")
        add_log_fields(request.scope, caller=caller.name)
        return caller

    return dependency


class PageRoute(APIRoute):
    """A route whose errors are rendered as pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with its errors rendered."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                await pay_for_body(request)
                return await handler(request)
            except Exception as error:
                problem = problems.response_to(request, error)
                if problem is None:
                    raise
                if problem.status_code < 400:
                    return Response(status_code=problem.status_code, headers={"Location": problem.headers["location"]})
                fields = json.loads(bytes(problem.body))
                response = page(
                    request,
                    "problem.html",
                    status=problem.status_code,
                    title=HTTPStatus(problem.status_code).phrase,
                    detail=fields["detail"],
                    request_id=fields.get("request_id", ""),
                )
                if wait := problem.headers.get("retry-after"):
                    response.headers["Retry-After"] = wait
                return response

        return handle
