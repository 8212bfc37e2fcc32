"""A running app on a socket: what the in-process client cannot send reaches it here."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from sentiment_lib.serving import app
from sentiment_lib.serving.server import server_config
from sentiment_lib.settings import Settings


@contextmanager
def listening(settings: Settings) -> Iterator[int]:
    """Port of the app of these settings, under uvicorn in a thread."""
    server = uvicorn.Server(server_config(app.create(settings), settings.serving, host="127.0.0.1", port=0))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        give_up = time.monotonic() + 60
        while not server.started:
            assert thread.is_alive(), "the app ended"
            assert time.monotonic() < give_up, "the app did not start"
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def request(key: str, body: bytes, *headers: bytes, method: bytes = b"POST", path: bytes = b"/v1/predict") -> bytes:
    """Bytes of a request; without a Content-Length when the headers say how the body comes."""
    lines = [method + b" " + path + b" HTTP/1.1", b"Host: tests", b"X-API-Key: " + key.encode()]
    lines += [b"Content-Type: application/json", *headers]
    if not any(header.lower().startswith((b"content-length", b"transfer-encoding")) for header in headers):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def exchange(port: int, *parts: bytes, rest: float = 0.0, end: bool = False, seconds: float = 20) -> bytes:
    """What came back for these bytes, sent one part after the other: the head and the body of one answer.

    `end` closes our side after the last part. Empty when the server closed without an answer.
    """
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(rest)
            if end:
                connection.shutdown(socket.SHUT_WR)
            while not _whole(got):
                more = connection.recv(65536)
                if not more:
                    break
                got += more
        except (ConnectionResetError, BrokenPipeError):
            return got  # it refused without waiting for the rest
    return got


def status(answer: bytes) -> int:
    """Status of an answer; 0 when there is none."""
    return int(answer.split(b" ", 2)[1]) if answer else 0


def content(answer: bytes) -> dict:
    """JSON body of an answer."""
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def _whole(answer: bytes) -> bool:
    head, blank, body = answer.partition(b"\r\n\r\n")
    if not blank:
        return False
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.split(b":")[1])
    return False
