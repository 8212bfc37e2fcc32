"""The process that serves the app: uvicorn, one worker, JSON logs without texts."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import orjson
import uvicorn

from sentiment_lib.serving import app
from sentiment_lib.settings import load_settings


class JsonLines(logging.Formatter):
    """One JSON document a line; `extra={"facts": {...}}` is part of it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        facts = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            facts["error"] = self.formatException(record.exc_info)
        return orjson.dumps(facts, default=str).decode()


def run(host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are finished."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    # nothing of this is in our lines, and to look it up for each takes as long as writing them
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # the header "server" tells nobody anything useful; our own log line replaces the access log
    uvicorn.run(
        app.create(load_settings()),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=20,
    )
