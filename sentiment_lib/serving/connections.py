"""Limits of connections and request heads, enforced before a request exists.

The middleware limits requests; what never becomes one (an endless header, a connection that sends nothing) is limited
here, in the HTTP protocol. A connection that waits is closed to make room for a new one, so that half-open connections
cannot lock others out; a connection whose request is being answered is never closed for that.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sentiment_lib.settings import ServingSettings

log = logging.getLogger(__name__)

#: Seconds in which the last bytes of a closed connection must be sent; a client that does not read them is cut off.
LINGER_SECONDS = 30.0
#: Seconds between two log lines about refused connections: a flood of them must not fill the log.
LOG_SECONDS = 1.0
#: Ranks of connections: the lowest is closed first when there are too many; BUSY ones never are.
FRESH, IDLE, RECEIVING, BUSY = range(4)


class Connections:
    """The open connections by address of the client, within the limits of the settings."""

    def __init__(self, limits: ServingSettings) -> None:
        self.limits = limits
        #: by address, in the order in which they were opened
        self._open: defaultdict[str, dict[LimitedProtocol, None]] = defaultdict(dict)
        self.count = 0
        #: connections refused, or closed to make room for another
        self.refused = 0
        self._logged_at = 0.0

    def add(self, protocol: LimitedProtocol, address: str) -> bool:
        """Count a new connection, closing one that waits if there are too many; False when none can be closed."""
        same = self._open[address]
        if len(same) >= self.limits.connections_per_address and not self._close_one(same):
            return self._refuse(address)
        if self.count >= self.limits.maximum_connections:
            largest = max(self._open.values(), key=len)
            if not self._close_one(largest):
                return self._refuse(address)
        self._open[address][protocol] = None
        self.count += 1
        return True

    def remove(self, protocol: LimitedProtocol, address: str) -> None:
        """A connection is closed; one that was never counted changes nothing."""
        same = self._open.get(address)
        if same is None or protocol not in same:
            return
        del same[protocol]
        self.count -= 1
        if not same:
            del self._open[address]

    def log_refusal(self, address: str, status: int, detail: str) -> None:
        """Log it, unless another refusal was logged a moment ago."""
        now = time.monotonic()
        if now - self._logged_at >= LOG_SECONDS:
            self._logged_at = now
            fields = {"client": address, "status": status, "refused": self.refused}
            log.warning("connection refused: %s", detail, extra={"fields": fields})

    def _close_one(self, candidates: dict[LimitedProtocol, None]) -> bool:
        """Close the connection of the lowest rank, the oldest of several; False when all are busy."""
        victim = min(candidates, key=lambda protocol: protocol.rank(), default=None)
        if victim is None or victim.rank() == BUSY:
            return False
        self.refused += 1
        victim.abort()
        return True

    def _refuse(self, address: str) -> bool:
        self.refused += 1
        if not self._open[address]:
            del self._open[address]
        return False


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with a size limit and a deadline for each request head."""

    def __init__(self, *arguments: Any, connections: Connections, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._connections = connections
        self._maximum_head = connections.limits.maximum_head_bytes
        self._address = ""
        #: between the first byte of a head and its end
        self._in_head = False
        #: between the end of a head and the end of its body
        self._in_body = False
        #: bytes of the present head so far; within a body, bytes since content arrived
        self._overhead = 0
        #: the parser has passed the end of a head, or content of a body, in the present call
        self._progress = False
        self._responses = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def rank(self) -> int:
        """How much would be lost by closing this connection: FRESH, IDLE, RECEIVING or BUSY."""
        if self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body:
            return BUSY
        if not self._responses:
            return FRESH
        return RECEIVING if self._in_body else IDLE

    def abort(self) -> None:
        """Close the connection at once, and forget it."""
        self._connections.remove(self, self._address)
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection, and start the deadline of its first request."""
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        if self._connections.add(self, self._address):
            self._start_head_timer()
        else:
            self._refuse(503, "Service Unavailable", "too many connections from this address", retry_after=5)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._stop_head_timer()
        self._connections.remove(self, self._address)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; a head is fed to the parser in pieces that its limit still allows."""
        while data and self.parser is not None and not self.transport.is_closing():
            room = len(data) if self._in_body else self._maximum_head - self._overhead
            part, data = (data, b"") if len(data) <= room else (data[:room], data[room:])
            self._progress = False
            super().data_received(part)
            # after progress, what follows it in this part is not counted: at most one more part
            self._overhead = 0 if self._progress else self._overhead + len(part)
            if self._overhead >= self._maximum_head and not self.transport.is_closing():
                detail = f"the head of the request exceeds {self._maximum_head:,} bytes"
                self._refuse(431, "Request Header Fields Too Large", detail)
                return
        if self._in_head or (self._overhead and not self._in_body):
            self._start_head_timer()
        elif self._head_timer is not None:
            self._stop_head_timer()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._in_head, self._in_body, self._progress = False, True, True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body has arrived."""
        self._progress = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete."""
        self._in_body, self._progress = False, True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The response is written, though perhaps not yet sent."""
        self._responses += 1
        super().on_response_complete()
        if self.transport.is_closing():
            self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def timeout_keep_alive_handler(self) -> None:
        """The client sent nothing for too long: close, without waiting for bytes that it does not read."""
        self._close()

    def _close(self) -> None:
        self.transport.close()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _start_head_timer(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self._connections.limits.head_seconds, self._head_is_late)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            seconds = self._connections.limits.head_seconds
            self._refuse(408, "Request Timeout", f"the head of the request did not arrive within {seconds:g} seconds")

    def _refuse(self, status: int, title: str, detail: str, *, retry_after: int = 0) -> None:
        """Write a problem and close. A response in progress is cut off: its connection breaks the limits."""
        self._connections.log_refusal(self._address, status, detail)
        body = orjson.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail})
        lines = [
            f"HTTP/1.1 {status} {title}",
            "content-type: application/problem+json",
            f"content-length: {len(body)}",
            "connection: close",
            *([f"retry-after: {retry_after}"] if retry_after else []),
        ]
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        self._close()
