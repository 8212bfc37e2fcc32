"""No person can be read from a stored text; an airline can."""

from __future__ import annotations

import pytest

from sentiment_lib.text.airlines import airline_of
from sentiment_lib.text.language import detect
from sentiment_lib.text.normalise import normalise
from sentiment_lib.text.privacy import author_hash, mask


@pytest.mark.parametrize(
    ("raw", "masked"),
    [
        ("@united thanks @jane_doe!", "@united thanks @user!"),
        ("see https://t.co/abc?x=1, ok", "see http ok"),
        ("www.example.com/refund now", "http now"),
        ("Www.example.com/refund and HTTPS://example.com", "http and http"),
        ("a+b@mail.example.com @jane", "<email> @user"),
        ("mail me: a.b+c@mail.example.co.uk please", "mail me: <email> please"),
        ("call 212-555-0147 or (212) 555 0147", "call <phone> or <phone>"),
        ("call +44 20 7946 0958", "call <phone>"),
        ("flight 1234 at 10:45 cost $350.00", "flight 1234 at 10:45 cost $350.00"),
        ("@VirginAmerica and @DELTA", "@VirginAmerica and @DELTA"),
    ],
)
def test_masks(raw, masked):
    assert mask(raw) == masked
    assert mask(masked) == masked


def test_author_hash_depends_on_key_and_name_only():
    assert author_hash("@Jane", b"k1") == author_hash(" jane ", b"k1")
    assert author_hash("jane", b"k1") != author_hash("jane", b"k2")
    assert author_hash("jane", b"k1") != author_hash("john", b"k1")
    assert len(author_hash("jane", b"k1")) == 16


@pytest.mark.parametrize(("text", "airline"), [("hi @USAirways", "US Airways"), ("@delta.", "Delta"), ("delta", None)])
def test_airline_is_read_from_its_handle(text, airline):
    assert airline_of(text) == airline


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("  so \n much\tspace ", "so much space"),
        ("sooooooo late", "sooo late"),
        ("you &amp; me", "you & me"),
        ("\u202eevil\u202c text\x00", "evil text"),
        ("", ""),
        ("cafe\u0301", "caf\u00e9"),
    ],
)
def test_normalise(raw, normal):
    assert normalise(raw) == normal
    assert normalise(normal) == normal


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("the flight was late and they lost my bag", "en"),
        ("mi vuelo está cancelado y no me gusta", "es"),
        ("飛行機がおくれた", "ja"),
        ("😀😀", None),
        ("is", None),
        ("was is", "en"),
        ("😀thanks,the crew—is 👍🏽 here", "en"),
        ("it's late, is the crew here?", "en"),
        ("'the' crew", "en"),
    ],
)
def test_language_is_guessed(text, language):
    assert detect(text) == language
