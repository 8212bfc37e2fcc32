"""Many texts at once are what each is by itself."""

from __future__ import annotations

import csv

from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_lib.text.airlines import airline_of
from sentiment_lib.text.batch import airlines_of, detect_all, mask_all, normalise_all
from sentiment_lib.text.language import detect
from sentiment_lib.text.normalise import MAXIMUM_CHARACTERS, normalise
from sentiment_lib.text.privacy import mask

WRITTEN = (
    "@united @Delta @jane .@jane a@b.co (a.b+c@d.example) @ http://t.co/x HTTP://X.Y ftp://z www.a.b WWW.c wW.d Www.e "
    "555-867-5309 +44 20 7946 0958 (212) 555 0147 1234 12 ٣٤٥٦٧٨٩ 😀 é 飛行機が it's ' o'clock el vuelo the and is "
    "der nicht @\u212alm @KLM :// x@united &amp; &amp;lt; &#0; sooooo e\u0301e\u0301e\u0301e\u0301 ....... ____ "
    "a\u200bb \u202ex\u202c 1111 x\ud83dy \udc00 \ud83d\ude00 isn\u2019t don`t \uff20jane \uff20united j\uff20b.co "
    "555\u2011010\u20110123 http://a:b@c.de a@www.b.co http://x.y/@jane "
    "https://t.co/Ab荷物 (http://x.y)z http飛 @jane荷 is\u200dn't a\u00adb &amp;#64;x &#64;jane &nbsp; @j\u200ban"
)
PARTS = WRITTEN.split(" ")


def agree(texts):
    assert mask_all(texts) == list(map(mask, texts))
    assert detect_all(texts) == list(map(detect, texts))
    assert airlines_of(texts) == list(map(airline_of, texts))
    assert normalise_all(texts) == list(map(normalise, texts))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(st.sampled_from(PARTS), min_size=1, max_size=8).map(" ".join), min_size=1, max_size=12))
def test_of_made_up_parts(texts):
    agree(texts)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\x00"), min_size=1), min_size=1))
def test_of_any_characters(texts):
    agree(texts)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.characters())))
def test_normalised_whatever_they_hold(texts):
    assert normalise_all(texts) == list(map(normalise, texts))


@given(st.text("a\ud83d\ude00 \u00e9@", max_size=8))
def test_what_is_normalised_can_be_written_as_utf_8(text):
    for read in (normalise(text), *normalise_all([text, "plain"])):
        read.encode()


def test_halves_of_characters_are_no_part_of_a_normalised_text():
    assert normalise("x\ud83dy \udc00\ude00 z") == "x y z"
    assert normalise("&#xd83d;") == "\ufffd"


def test_normalised_halves_of_characters_and_long_texts():
    texts = ["a\ud800b", "soooooo", "x" * (MAXIMUM_CHARACTERS + 9), "a \x00 b", ""]
    assert normalise_all(texts) == list(map(normalise, texts))
    assert normalise_all([]) == []


def test_of_real_tweets(shared_data):
    with (shared_data / "us_airline_tweets.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    assert len(texts) > 14_000
    for start in range(0, len(texts), 500):
        agree(texts[start : start + 500])
