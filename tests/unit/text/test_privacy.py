"""No person can be read from a stored text; an airline can."""

from __future__ import annotations

import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.text.airlines import airline_of
from sentiment_lib.text.batch import normalise_all
from sentiment_lib.text.language import detect
from sentiment_lib.text.normalise import normalise, normaliser
from sentiment_lib.text.privacy import author_hash, mask


@pytest.mark.parametrize(
    ("raw", "masked"),
    [
        ("@united thanks @jane_doe!", "@united thanks @user!"),
        ("see https://t.co/abc?x=1, ok", "see http, ok"),
        ("www.example.com/refund now", "http now"),
        ("Www.example.com/refund and HTTPS://example.com", "http and http"),
        ("a+b@mail.example.com @jane", "<email> @user"),
        ("mail me: a.b+c@mail.example.co.uk please", "mail me: <email> please"),
        ("call 212-555-0147 or (212) 555 0147", "call <phone> or <phone>"),
        ("call +44 20 7946 0958", "call <phone>"),
        ("flight 1234 at 10:45 cost $350.00", "flight 1234 at 10:45 cost $350.00"),
        ("@VirginAmerica and @DELTA", "@VirginAmerica and @DELTA"),
        ("@united 写真 https://t.co/AbC12まだ届きません", "@united 写真 http まだ届きません"),
        ("look https://t.co/AbC12\u2014worst ever", "look http\u2014worst ever"),
        ("(https://t.co/AbC12)terrible", "(http)terrible"),
        ("https://t.co/AbC12\u2026 awful", "http\u2026 awful"),
        ("https://example.com/a_(b)/c?d=e#f. Then", "http. Then"),
        ("http://user:word@example.com:80/x\u3001次", "http\u3001次"),
        ("https://例え.jp/名前 と", "http 名前 と"),
        ("awww.so sweet", "awww.so sweet"),
        ("cc &#64;jane_doe and &amp;#64;john", "cc @user and @user"),
        ("write to jane&#64;example.com", "write to <email>"),
        ("jane\uff20example.com or \uff20jane_doe", "<email> or @user"),
        ("@ja\u200bne_doe, @\u2060jane", "@user, @user"),
        ("\uff20united is an airline", "\uff20united is an airline"),
        ("@jane荷物がない 飛行機@john", "@user荷物がない 飛行機@user"),
        ("連絡 jane@example.comまで", "連絡 <email>まで"),
        ("call 555\u2011010\u20110123 or 555\u20130123", "call <phone> or <phone>"),
        ("call 555\u00ad010\u200b0123, \uff0b44 20 7946 0958", "call <phone>, <phone>"),
        ("I &lt;3 it &amp;amp; more", "I <3 it & more"),
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
        ("isn\u2019t don\u02bct can\uff07t", "isn't don't can't"),
        ("isn\u2018t don`t can\u00b4t won\u2032t", "isn't don't can't won't"),
        ("`quoted` \u2018so\u2019", "`quoted` \u2018so'"),
        ("can\u00adcel\u200bled is\u2060n't \ufeffit", "cancelled isn't it"),
        ("is\u200dn't \U0001f468\u200d\U0001f469", "isn't \U0001f468\u200d\U0001f469"),
        ("isn&amp;#8217;t &amp;lt;3", "isn't <3"),
    ],
)
def test_normalise(raw, normal):
    assert normalise(raw) == normal
    assert normalise(normal) == normal


@pytest.mark.parametrize("apostrophe", "\u2019\u02bc\uff07`\u00b4\u2018")
def test_negations_are_the_same_text_with_every_apostrophe(apostrophe):
    for word in ("isn't", "DON'T", "couldn't've", "y'all"):
        assert normalise(word.replace("'", apostrophe)) == normalise(word)


def test_a_version_of_the_normaliser_is_used_inside_its_block_only():
    text = "isn\u2019t can\u00adcel https://t.co/AbCまだ"
    with normaliser("1"):
        assert normalise(text) == "isn\u2019t can\u00adcel http"
        assert normalise_all([text, "a  b"]) == ["isn\u2019t can\u00adcel http", "a b"]
    assert normalise(text) == "isn't cancel http まだ"
    with pytest.raises(BadInput, match="versions 1, 2"), normaliser("0"):
        pass


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
