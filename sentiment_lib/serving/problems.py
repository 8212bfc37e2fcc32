"""Errors as application/problem+json (RFC 9457), with the request id and without the caller's text."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, OperationalError
from starlette.exceptions import HTTPException

from sentiment_lib.errors import BadInput, NotFound, SentimentError
from sentiment_lib.serving.prediction.explanations import ExplanationsUnavailable
from sentiment_lib.serving.spool import SpoolFailed, SpoolFull

log = logging.getLogger(__name__)

Handler = Callable[[Request, Exception], JSONResponse]
MEDIA_TYPE = "application/problem+json"
#: Status by error class; the first match decides.
STATUS: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (BadInput, HTTPStatus.UNPROCESSABLE_ENTITY),
    (NotFound, HTTPStatus.NOT_FOUND),
    (SpoolFull, HTTPStatus.SERVICE_UNAVAILABLE),
    (SpoolFailed, HTTPStatus.SERVICE_UNAVAILABLE),
    (ExplanationsUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (SentimentError, HTTPStatus.INTERNAL_SERVER_ERROR),
)


class NoChampion(SentimentError):
    """No model serves yet: the first scoring run makes a champion"""


def problem(
    status: int, detail: str, *, request_id: str | None = None, headers: dict[str, str] | None = None, **more: Any
) -> JSONResponse:
    """A problem response; 503 carries Retry-After."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": int(status), "detail": detail, **more}
    if request_id:
        body["request_id"] = request_id
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers = {"Retry-After": "5", **(headers or {})}
    return JSONResponse(body, status_code=int(status), media_type=MEDIA_TYPE, headers=headers)


def install(app: FastAPI) -> None:
    """Register the handlers of every kind of error."""
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, _on_event_loop(handler))


def _on_event_loop(handler: Handler) -> Callable[[Request, Exception], Awaitable[JSONResponse]]:
    async def handle(request: Request, error: Exception) -> JSONResponse:
        return handler(request, error)  # as such, Starlette would run it in a thread: refusals must cost little

    return handle


def response_to(request: Request, error: Exception) -> JSONResponse | None:
    """The problem response for this error; None for an unexpected one."""
    handler = next((handler for kind, handler in HANDLERS.items() if isinstance(error, kind)), None)
    return None if handler is None else handler(request, error)


def _sentiment_error(request: Request, error: Exception) -> JSONResponse:
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    if isinstance(error, NotFound) and error.details.get("what") == "champion":
        return problem(503, str(NoChampion()), request_id=_id(request))
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request %s failed: %s", _id(request), error)
    return problem(status, str(error), request_id=_id(request))


def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # never the input: it may be personal text, and it may not be encodable
    errors = [
        {"place": ".".join(str(part) for part in item["loc"])[:200], "problem": item["msg"]}
        for item in error.errors()[:20]
    ]
    detail = f"{errors[0]['place']}: {errors[0]['problem']}" if errors else "the request is not valid"
    return problem(422, detail, request_id=_id(request), errors=errors)


def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, str(error.detail), request_id=_id(request), headers=dict(error.headers or {}))


def _database_error(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, OperationalError):
        log.warning("request %s: the database is unavailable", _id(request))
        return problem(503, "the database is unavailable", request_id=_id(request))
    log.exception("request %s failed in the database", _id(request), exc_info=error)
    return problem(500, "the request failed; look up its id in the log", request_id=_id(request))


def _id(request: Request) -> str | None:
    return request.scope.get("request_id")


HANDLERS: dict[type[Exception], Handler] = {
    SentimentError: _sentiment_error,
    RequestValidationError: _validation_error,
    HTTPException: _http_error,
    DBAPIError: _database_error,
}
