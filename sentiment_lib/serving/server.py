"""The server process: uvicorn with one worker, and JSON logs without texts."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import orjson
import uvicorn

from sentiment_lib.serving import app
from sentiment_lib.settings import load_settings


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
    # our own log line replaces the access log; a Server header helps nobody but attackers
    uvicorn.run(
        app.create(load_settings()),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=20,
    )
