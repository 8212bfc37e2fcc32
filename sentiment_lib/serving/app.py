"""The ASGI app of the API and its pages."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from sentiment_lib.serving import openapi, problems, routes
from sentiment_lib.serving.middleware import RequestMiddleware
from sentiment_lib.serving.pages import label_page, label_ten_page, login_pages, reference_page, rendering, try_page
from sentiment_lib.serving.service import Service
from sentiment_lib.settings import Settings
from sentiment_lib.storage.engine import Store


def create(settings: Settings) -> FastAPI:
    """The app for these settings; the champion is loaded at startup."""
    service = Service(Store.open(settings, requests=True), settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(service.start)
        gc.collect()
        # exempt the imported libraries from collection: a full pass over them stops all requests for 0.1 s
        gc.freeze()
        yield
        gc.unfreeze()
        await run_in_threadpool(service.stop)
        service.store.close()

    app = FastAPI(
        title="Airline sentiment",
        version=version("airline-sentiment"),
        servers=[{"url": "/", "description": "this server"}],
        description="Sentiment of tweets about airlines: negative, neutral or positive.",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's page loads scripts from another host; pages/reference_page.py has ours
        redoc_url=None,
    )
    app.state.service = service
    app.include_router(routes.router)
    app.include_router(routes.health)
    modules = (try_page, label_page, label_ten_page, login_pages, reference_page)
    for pages in (*(module.router for module in modules), rendering.assets):
        app.include_router(pages)
    problems.install(app)
    openapi.install(app, maximum_texts=settings.serving.maximum_texts)
    if settings.serving.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.serving.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "X-API-Key", "X-Request-Id"],
        )
    app.add_middleware(RequestMiddleware, limits=settings.serving, metrics=service.metrics)
    return app
