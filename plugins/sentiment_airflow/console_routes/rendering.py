"""Pages of the console as responses: drawn, refused, redirected, or in a sandbox."""

from collections.abc import Callable
from pathlib import Path as FilePath
from typing import Any

from fastapi import Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse

from sentiment_lib.console.pages import BASE, Pages, draw
from sentiment_lib.storage.engine import Store

#: Evidently's scripts are inline: its pages run in a sandbox, without our origin.
SANDBOX = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)


def draw_with(store: Store) -> Callable[..., HTMLResponse]:
    """A function that renders a template; its second argument is the address that the navigation marks."""
    pages = Pages(store)

    def page(template: str, here: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        return HTMLResponse(pages.draw(template, here, **values), status_code=status)

    return page


def unshown(problem: str, *, title: str = "This cannot be shown", status: int = 422) -> HTMLResponse:
    """A page that says why there is none: the address means nothing, or what it asks for takes too long."""
    return HTMLResponse(draw("error.html", "/error", title=title, problem=problem), status_code=status)


def redirect(address: str | None, dag_id: str) -> Response:
    """Redirect to the console's page; a DAG of another project gets a page that says so."""
    if address is None:
        return HTMLResponse(draw("other_dag.html", "/dags", dag_id=dag_id))
    return RedirectResponse(f"{BASE}{address}", status_code=303)


def sandboxed(path: FilePath) -> FileResponse:
    """A page of Evidently."""
    return FileResponse(path, media_type="text/html", headers={"Content-Security-Policy": SANDBOX})
