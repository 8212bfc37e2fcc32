"""Requests that no client library sends: each gets a 4xx or its connection closed, and the server stays well."""

from __future__ import annotations

import json

import pytest

from tests.serving.listening import content, exchange, listening, request, status


@pytest.fixture
def port(settings):
    """Port of a server with limits that a test can wait for."""
    limits = settings.serving.model_copy(update={"body_seconds": 0.5, "maximum_body_bytes": 100_000})
    with listening(settings.model_copy(update={"serving": limits})) as opened:
        yield opened


@pytest.fixture(autouse=True)
def well_afterwards(port, key):
    """After each of these tests the server answers as before."""
    yield
    answer = exchange(port, request(key, b'{"text": "thank you, great crew"}'))
    assert status(answer) == 200
    assert content(answer)["predictions"][0]["label"] == "positive"


def test_a_body_that_does_not_arrive_in_time_is_given_up(port, key):
    head = request(key, b'{"text": "la', b"Content-Length: 40")
    assert status(exchange(port, head)) == 408


def test_a_body_that_trickles_in_is_given_up_as_well(port, key):
    head = request(key, b"{", b"Content-Length: 500")
    answer = exchange(port, head, *[b" "] * 12, rest=0.1)
    assert status(answer) in (0, 408)


def test_a_body_that_is_cut_off_disturbs_nobody(port, key):
    assert status(exchange(port, request(key, b'{"text": "late"', b"Content-Length: 90"), end=True)) in (0, 400, 408)


def test_a_chunked_body_over_the_limit_is_refused_without_a_declared_length(port, key):
    chunk = b"2000\r\n" + b"a" * 0x2000 + b"\r\n"
    answer = exchange(port, request(key, b"", b"Transfer-Encoding: chunked"), *[chunk] * 20)
    assert status(answer) in (0, 413)


def test_a_body_that_is_too_large_is_refused_by_what_it_declares(port, key):
    assert status(exchange(port, request(key, b"{", b"Content-Length: 999999999999"))) == 413


@pytest.mark.parametrize(
    "headers",
    [
        (b"X-Request-Id: \xff\xfe\x80",),
        (b"X-API-Key: \xc3\x28",),
        (b"Authorization: Bearer \xf0\x9f\x98\xa1",),
        (b"Cookie: sentiment_session=\xff\xff",),
        (b"Content-Length: -1",),
        (b"Content-Length: many",),
        (b"X-Large: " + b"a" * 200_000,),
        (b"Content-Type: \xff/\xff; charset=utf-7",),
    ],
    ids=lambda headers: headers[0][:24].decode("latin-1"),
)
def test_headers_that_are_no_text_are_an_answer_or_a_callers_mistake(port, key, headers):
    assert status(exchange(port, request(key, b'{"text": "late"}', *headers))) in (0, 200, 400, 401, 422, 431)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"text": "a" * 90_000}).encode(),
        json.dumps({"text": "a" * 1_000_000}).encode(),
        b'{"texts": ' + b"[" * 40_000 + b"]" * 40_000 + b"}",
        b'{"text": "\xff\xfe"}',
        b'{"text": ' + b"9" * 5_000 + b"}",
    ],
    ids=["long", "megabyte", "deep", "not-utf8", "huge-number"],
)
def test_bodies_that_hope_to_break_the_reader_are_refused(port, key, body):
    assert status(exchange(port, request(key, body))) in (400, 413, 422)
