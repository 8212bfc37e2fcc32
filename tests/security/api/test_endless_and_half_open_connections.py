"""Endless and slow heads, half-open and idle connections: each is limited, and an honest caller is served meanwhile."""

from __future__ import annotations

import resource
import socket
import time
from contextlib import ExitStack, suppress

import pytest

from tests.serving.listening import content, exchange, listening, request, status

TEXT = b'{"text": "thank you, great crew"}'


@pytest.fixture
def port(settings):
    """Port of a server with limits that a test can wait for."""
    limits = {"head_seconds": 0.6, "idle_seconds": 0.6, "maximum_head_bytes": 8192, "connections_per_address": 20}
    limited = settings.serving.model_copy(update={**limits, "maximum_connections": 50})
    with listening(settings.model_copy(update={"serving": limited})) as opened:
        yield opened


def connect(port, *, address="127.0.0.2", data=b""):
    """A connection from an address of this machine."""
    opened = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(address, 0))
    opened.sendall(data)
    return opened


def received(connection):
    """All that comes until the server closes; the seconds it took."""
    started, got = time.monotonic(), b""
    with suppress(ConnectionResetError):
        while more := connection.recv(65536):
            got += more
    return got, time.monotonic() - started


def honest(port, key):
    answer = exchange(port, request(key, TEXT))
    assert status(answer) == 200
    assert content(answer)["predictions"][0]["label"] == "positive"


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"GET /healthz HTTP/1.1\r\nX-Endless: ", b"a" * 4096),
        (b"GET /healthz HTTP/1.1\r\n", b"X-Another: value\r\n" * 256),
        (b"GET /", b"a" * 4096),
        (b"", b"\r\n" * 2048),
    ],
    ids=["value", "headers", "path", "blank"],
)
def test_an_endless_head_ends_at_its_limit(port, key, start, more):
    sent = len(start)
    with connect(port, data=start) as endless:
        with suppress(ConnectionResetError, BrokenPipeError):
            for _ in range(2048):  # 8 MB
                endless.sendall(more)
                sent += len(more)
        assert status(received(endless)[0]) in (0, 431)  # 0: reset before the refusal was read
    assert sent < 6 << 20  # what the sockets of both sides take
    honest(port, key)


def test_a_head_over_the_limit_is_told_so(port):
    answer = exchange(port, b"GET /healthz HTTP/1.1\r\nHost: tests\r\nX-Large: " + b"a" * 8192)
    assert status(answer) == 431
    assert b"8,192 bytes" in answer


def test_endless_trailers_end_at_the_same_limit(port, key):
    head = request(key, b"", b"Transfer-Encoding: chunked")
    with connect(port, data=head + b"1\r\n{\r\n0\r\nX-Endless: ") as endless:
        with suppress(ConnectionResetError, BrokenPipeError):
            for _ in range(256):
                endless.sendall(b"a" * 4096)
        answer, seconds = received(endless)
    assert seconds < 5
    assert b"200 OK" not in answer
    honest(port, key)


def test_several_requests_in_one_packet_are_no_endless_head(port):
    one = b"GET /healthz HTTP/1.1\r\nHost: tests\r\nX-Padding: " + b"a" * 3000 + b"\r\n\r\n"
    with connect(port, data=one * 8) as pipelined:
        answer, _ = received(pipelined)
    assert answer.count(b"200 OK") == 8


@pytest.mark.parametrize("start", [b"", b"GET /healthz HTTP/1.1\r\n", b"\r\n"], ids=["nothing", "line", "blank"])
def test_a_head_that_does_not_arrive_is_given_up(port, start):
    with connect(port, data=start) as half_open:
        answer, seconds = received(half_open)
    assert status(answer) == 408
    assert 0.3 < seconds < 5


def test_a_head_that_trickles_in_is_given_up_as_well(port):
    with connect(port, data=b"GET /healthz HTTP/1.1\r\nX-Slow: ") as slow:
        started = time.monotonic()
        with suppress(ConnectionResetError, BrokenPipeError):
            while time.monotonic() - started < 10:
                slow.sendall(b"a")
                time.sleep(0.05)
    assert time.monotonic() - started < 5


def test_the_second_request_of_a_connection_has_a_deadline_too(port):
    with connect(port, data=b"GET /healthz HTTP/1.1\r\nHost: tests\r\n\r\nGET /hea") as half:
        answer, seconds = received(half)
    assert answer.count(b"200 OK") == 1
    assert b" 408 " in answer
    assert seconds < 5


def test_an_idle_connection_is_closed(port):
    with connect(port, data=b"GET /healthz HTTP/1.1\r\nHost: tests\r\n\r\n") as idle:
        answer, seconds = received(idle)
    assert answer.count(b"HTTP/1.1") == 1
    assert 0.3 < seconds < 5


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"], ids=["same-address", "other-address"])
def test_1500_half_open_connections_keep_nobody_out(settings, key, address):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    try:
        with listening(settings) as port, ExitStack() as stack:
            kept = connect(port, address="127.0.0.1", data=request(key, TEXT))
            stack.enter_context(kept)
            assert kept.recv(65536)
            for number in range(1500):
                half_open = connect(port, address=address, data=b"GET /healthz HTTP/1.1\r\nX-Half: ")
                stack.enter_context(half_open)
                if number % 300 == 0:
                    honest(port, key)
            kept.sendall(request(key, TEXT))  # the oldest connection of all, and the only one that was served
            assert b"200 OK" in kept.recv(65536)
            metrics = exchange(port, request(key, b"", method=b"GET", path=b"/metrics")).decode()
            samples = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if line.startswith("sentiment_conn"))
            assert float(samples["sentiment_connections"]) <= settings.serving.connections_per_address + 2
            assert float(samples["sentiment_connections_refused"]) >= 1200
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_connections_that_are_all_busy_refuse_the_next_one(port, key, monkeypatch):
    from sentiment_lib.serving import connections

    monkeypatch.setattr(connections.LimitedProtocol, "rank", lambda _: connections.BUSY)
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(connect(port, data=b"GET /"))
        with connect(port) as refused:
            answer, _ = received(refused)
        assert status(answer) == 503
        assert b"retry-after: 5" in answer
        honest(port, key)  # another address
