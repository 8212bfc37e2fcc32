"""The OpenAPI document: FastAPI's, with the API keys, the problem media type and the configured limit."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from sentiment_lib.serving.authentication import SCHEMES
from sentiment_lib.serving.problems import MEDIA_TYPE


def install(app: FastAPI, *, maximum_texts: int) -> None:
    """Replace the app's document, generated once. `maximum_texts`: limit of one request."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            _add_problem_media_type(document)
            _add_security(document)
            _add_limit(document, maximum_texts)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _add_problem_media_type(document: dict[str, Any]) -> None:
    """FastAPI gives all responses of a route one media type; problems have their own."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for response in operation["responses"].values():
                content = response.get("content", {})
                schema = content.get("application/json", {}).get("schema", {})
                if schema.get("$ref", "").endswith("/ProblemOut"):
                    content[MEDIA_TYPE] = content.pop("application/json")


def _add_security(document: dict[str, Any]) -> None:
    """Every /v1 route takes a key in one of two headers.

    Added here and not by dependencies of the routes, which would run at each request and decide nothing.
    """
    document["components"]["securitySchemes"] = SCHEMES
    for path, operations in document["paths"].items():
        if path.startswith("/v1/"):
            for operation in operations.values():
                operation["security"] = [{name: []} for name in SCHEMES]


def _add_limit(document: dict[str, Any], maximum_texts: int) -> None:
    """The number of texts in a request is a setting, so the schema's class does not know it."""
    texts = document["components"]["schemas"]["PredictBody"]["properties"]["texts"]
    next(option for option in texts["anyOf"] if option.get("type") == "array")["maxItems"] = maximum_texts
