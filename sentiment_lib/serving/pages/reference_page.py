"""The page /docs: the OpenAPI document in Swagger UI, whose script comes from an installed package."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Request, Response

from sentiment_lib.errors import MissingExtra
from sentiment_lib.pages.assets import CACHE_CONTROL
from sentiment_lib.serving.pages.rendering import PageRoute, page

router = APIRouter(prefix="/docs", route_class=PageRoute, include_in_schema=False)
#: Files of Swagger UI in the package fastapi-offline, of which nothing else is used.
SCRIPT, STYLE = "swagger-ui-bundle.js", "swagger-ui.css"
PACKAGE = "fastapi_offline"


@router.get("")
def reference(request: Request) -> Response:
    """Every call with its schema, and a form that sends it."""
    return page(request, "reference.html")


@router.get(f"/{SCRIPT}")
def script() -> Response:
    """Swagger UI's script."""
    return _file(SCRIPT, "text/javascript; charset=utf-8")


@router.get(f"/{STYLE}")
def style() -> Response:
    """Swagger UI's style sheet."""
    return _file(STYLE, "text/css; charset=utf-8")


def _file(name: str, media_type: str) -> Response:
    return Response(_read(name), media_type=media_type, headers={"Cache-Control": CACHE_CONTROL})


@cache
def _read(name: str) -> bytes:
    """Raises MissingExtra without the package. It is found and not imported: its own app is not used."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise MissingExtra(what="The page of the API reference", package="fastapi-offline", extra="serving")
    return Path(found.origin).with_name("static").joinpath(name).read_bytes()
