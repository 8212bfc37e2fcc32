"""The server process: uvicorn with one worker, and JSON logs without texts."""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import UTC, datetime
from functools import partial
from typing import cast

import orjson
import uvicorn
from fastapi import FastAPI

from sentiment_lib.serving import app
from sentiment_lib.serving.connections import Connections, LimitedProtocol
from sentiment_lib.settings import ServingSettings, load_settings


class JsonLines(logging.Formatter):
    """One JSON object a line; `extra={"fields": {...}}` is merged into it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        fields = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return orjson.dumps(fields, default=str).decode()


def run(host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM; requests in progress are finished."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    # our lines hold none of these, and looking them up takes as long as writing the line
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # threads of the model and of parsers hold the interpreter for shorter turns, so that short requests wait less
    sys.setswitchinterval(0.001)
    settings = load_settings()
    server = uvicorn.Server(server_config(app.create(settings), settings.serving, host=host, port=port))
    server.run()
    if not server.started:
        sys.exit(3)


def server_config(application: FastAPI, limits: ServingSettings, *, host: str, port: int) -> uvicorn.Config:
    """uvicorn's configuration of the API: its protocol enforces the limits of connections and request heads."""
    connections: Connections = application.state.service.connections
    return uvicorn.Config(
        application,
        host=host,
        port=port,
        http=cast("type[asyncio.Protocol]", partial(LimitedProtocol, connections=connections)),
        ws="none",  # a WebSocket would leave the limits
        timeout_keep_alive=limits.idle_seconds,  # type: ignore[arg-type]  # passed on to call_later
        # whoever connects could claim any address otherwise
        proxy_headers=bool(limits.trusted_proxies),
        forwarded_allow_ips=list(limits.trusted_proxies),
        log_config=None,
        access_log=False,  # our own log line replaces it
        server_header=False,  # helps nobody but attackers
        timeout_graceful_shutdown=20,
    )
