"""Signing in and out: the key is typed once, then a cookie that scripts cannot read stands for it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from sentiment_lib.serving.authentication import identify, sign_in, sign_out
from sentiment_lib.serving.pages.rendering import PageRoute, page

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/login")
async def login_page(request: Request, next: str = "/") -> Response:
    """The form."""
    return page(request, "login.html", next=_own(next), refused=False)


@router.post("/login")
async def login(
    request: Request,
    key: Annotated[str, Form(max_length=200)],
    next: Annotated[str, Form(max_length=200)] = "/",
) -> Response:
    """Start a session and go on to the page that was wanted."""
    # nobody is to be signed in by another site, as someone else
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403, "this request comes from another site")
    response = RedirectResponse(_own(next), status_code=303)
    if await sign_in(request, response, key) is None:
        return page(request, "login.html", status=401, next=_own(next), refused=True)
    return response


@router.post("/logout")
async def logout(request: Request) -> Response:
    """End the session."""
    await identify(request)  # 403 for another site's request
    response = RedirectResponse("/login", status_code=303)
    sign_out(response)
    return response


def _own(address: str) -> str:
    """The address when it is one of ours, else the front page: no link leads through us to elsewhere."""
    ours = address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
    return address if ours and not address.startswith("/login") else "/"
