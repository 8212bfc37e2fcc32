"""The OpenAPI document: as FastAPI draws it, with the keys, and errors in the form that they really have."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from sentiment_lib.serving.authentication import SCHEMES
from sentiment_lib.serving.problems import MEDIA_TYPE


def install(app: FastAPI, *, maximum_texts: int) -> None:
    """Generate the app's document this way, once; `maximum_texts` is the limit of one request."""
    draw = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _with_limit(_with_keys(_with_problems(draw())), maximum_texts)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _with_problems(drawn: dict[str, Any]) -> dict[str, Any]:
    """FastAPI names one media type for all answers of a route; a problem has its own."""
    for operations in drawn["paths"].values():
        for operation in operations.values():
            for answer in operation["responses"].values():
                content = answer.get("content", {})
                schema = content.get("application/json", {}).get("schema", {})
                if schema.get("$ref", "").endswith("/ProblemOut"):
                    content[MEDIA_TYPE] = content.pop("application/json")
    return drawn


def _with_keys(drawn: dict[str, Any]) -> dict[str, Any]:
    """Every call but those of health takes a key in one of two headers.

    Said here and not by dependencies of the routes, which would be asked at each request and decide nothing.
    """
    drawn["components"]["securitySchemes"] = SCHEMES
    for path, operations in drawn["paths"].items():
        if path.startswith("/v1/"):
            for operation in operations.values():
                operation["security"] = [{name: []} for name in SCHEMES]
    return drawn


def _with_limit(document: dict[str, Any], maximum_texts: int) -> dict[str, Any]:
    """The number of texts in a request is a setting, so the schema's class does not know it."""
    texts = document["components"]["schemas"]["PredictBody"]["properties"]["texts"]
    next(option for option in texts["anyOf"] if option.get("type") == "array")["maxItems"] = maximum_texts
    return document
