"""Sign in and out: the API key is entered once and exchanged for an HttpOnly session cookie."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from sentiment_lib.serving.authentication import identify, sign_in, sign_out
from sentiment_lib.serving.pages.rendering import PageRoute, page

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/login")
async def login_page(request: Request, next: str = "/") -> Response:
    """The sign-in form."""
    return page(request, "login.html", next=_local_path(next), refused=False)


@router.post("/login")
async def login(
    request: Request,
    key: Annotated[str, Form(max_length=200)],
    next: Annotated[str, Form(max_length=200)] = "/",
) -> Response:
    """Start a session and redirect to the requested page."""
    # login CSRF: another site must not sign a person in as someone else
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403, "this request comes from another site")
    response = RedirectResponse(_local_path(next), status_code=303)
    if await sign_in(request, response, key) is None:
        return page(request, "login.html", status=401, next=_local_path(next), refused=True)
    return response


@router.post("/logout")
async def logout(request: Request) -> Response:
    """End the session."""
    await identify(request)  # raises 403 for a cross-site request
    response = RedirectResponse("/login", status_code=303)
    sign_out(response)
    return response


def _local_path(address: str) -> str:
    """The address if it is a path of this site, else "/": no open redirect."""
    local = address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
    return address if local and not address.startswith("/login") else "/"
