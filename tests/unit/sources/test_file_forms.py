"""Separators, encodings, headers, JSON forms and published data sets: recognised, or named with the option for them."""

from __future__ import annotations

import json

import pytest

from sentiment_lib.errors import BadInput, BadSource
from sentiment_lib.sources.files import FileSource
from sentiment_lib.sources.read_options import ReadOptions

DAY = "2026-02-03T04:05:06Z"
TEXTS = ["the crew’s café was “open”", "late again"]


def source(tmp_path, name, content, *args, **options):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return FileSource(path, *args, **options)


def table(separator=",", header="tweet_id,text,created_at"):
    lines = [f"{n}{separator}{text}{separator}{DAY}" for n, text in enumerate(TEXTS, 1)]
    return "\n".join([header.replace(",", separator), *lines, ""])


@pytest.mark.parametrize(
    ("name", "content", "note"),
    [
        ("t.csv", table(";"), "columns are separated by ;"),
        ("t.csv", table("\t"), "columns are separated by tabs"),
        ("t.txt", table("\t"), "columns are separated by tabs"),
        ("t.csv", "sep=;\n" + table(";"), "columns are separated by ;"),
        ("t.csv", table("|"), "columns are separated by |"),
        ("t.csv", table().encode("cp1252"), "read as Windows-1252, not UTF-8"),
        ("t.csv", table().encode("utf-16"), "read as UTF-16, not UTF-8"),
        ("t.txt", table("\t").encode("utf-16-le"), "read as UTF-16-LE, not UTF-8"),
        ("t.csv", table().encode("utf-8-sig"), None),
        ("t.csv", table(header="Tweet ID, TEXT ,created-at"), None),
        ("t.csv", table().replace("\n", "\r\n"), None),
    ],
)
def test_a_form_is_recognised_and_said(tmp_path, name, content, note):
    file = source(tmp_path, name, content)
    assert [row.text for row in file.rows()] == TEXTS
    assert file.notes == ([note] if note else [])[: len(file.notes) or 1] or note in file.notes


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (table(header="tweet_id,text,when"), "it has no column 'created_at'"),
        (table(header="tweet_id,text,created_at").replace("tweet_id", "text"), "2 of its columns are named 'text'"),
        (
            "570306133677760513,neutral,@VirginAmerica What @dhepburn said about my bag\n",
            "its first line looks like a tweet, not like column names: it has '@VirginAmerica What…'. Write the names "
            "of its columns in a line above, such as tweet_id,text,created_at",
        ),
        (
            "late again and nobody at the desk could help\n",
            "it has 'late again and nobod…'. Write the names of its columns in a line above, such as",
        ),
        (table(header="id,tweet,date"), "--column tweet_id=id --column text=tweet --column created_at=date"),
        (table("~"), "--separator"),
        (f"tweet_id,text,created_at\n1,Привет всем друзьям,{DAY}\n".encode("cp1251"), "--encoding"),
    ],
)
def test_what_is_not_certain_is_refused_with_the_option_for_it(tmp_path, content, said):
    with pytest.raises(BadSource) as caught:
        list(source(tmp_path, "t.csv", content).rows())
    assert said in str(caught.value)


def test_options_say_how_to_read(tmp_path):
    content = "id~body~when~mood\n7~Привет~3/2/2026 14:30~0\n8~пока~3/2/2026 14:31~?\n".encode("cp1251")
    options = ReadOptions(
        separator="~",
        encoding="cp1251",
        zone="America/New_York",
        date_format="%d/%m/%Y %H:%M",
        labels={"0": "negative", "?": ""},
    )
    columns = {"tweet_id": "id", "text": "body", "created_at": "when", "label": "mood"}
    one, two = source(tmp_path, "t.csv", content, "plain", columns, options=options).rows()
    assert (one.text, one.created_at, one.label) == ("Привет", "2026-02-03T14:30:00-05:00", "negative")
    assert two.label == ""


@pytest.mark.parametrize(
    "options",
    [
        {"separator": "ab"},
        {"encoding": "utf-99"},
        {"zone": "Mars/Base"},
        {"date_format": "dd.mm.yyyy"},
    ],
)
def test_an_option_that_is_not_valid_is_refused(options):
    with pytest.raises(BadInput):
        ReadOptions(**options)


def test_numbers_as_dates_are_read_when_said(tmp_path):
    content = "tweet_id,text,created_at\n1,a,1770091506\n"
    (row,) = source(tmp_path, "t.csv", content, options=ReadOptions(date_format="epoch")).rows()
    assert row.created_at == "2026-02-03T04:05:06+00:00"


RECORDS = [{"tweet_id": n, "text": text, "created_at": DAY} for n, text in enumerate(TEXTS, 1)]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(RECORDS),
        json.dumps(RECORDS, indent=2, ensure_ascii=False),
        "\n".join(map(json.dumps, RECORDS)),
        json.dumps(RECORDS) + "\n",
        "\n\n" + json.dumps(RECORDS, indent=1),
    ],
)
def test_json_arrays_are_read_as_lines_are(tmp_path, content):
    found = list(source(tmp_path, "t.json", content).rows())
    assert [(row.tweet_id, row.text) for row in found] == [("1", TEXTS[0]), ("2", TEXTS[1])]


def test_a_large_array_is_read_in_pieces(tmp_path, monkeypatch):
    from sentiment_lib.sources import json_records

    monkeypatch.setattr(json_records, "CHUNK_CHARACTERS", 7)
    many = [{**RECORDS[0], "tweet_id": n} for n in range(1, 50)]
    found = list(source(tmp_path, "t.json", json.dumps(many, indent=1)).rows())
    assert [row.tweet_id for row in found] == [str(n) for n in range(1, 50)]


def test_an_array_that_is_cut_off_gives_what_came_before_and_says_so(tmp_path):
    seen = []
    with pytest.raises(BadSource, match="not JSON"):
        seen.extend(source(tmp_path, "t.json", json.dumps(RECORDS, indent=1)[:-30]).rows())
    assert [row.tweet_id for row in seen] == ["1"]


LONG = "a long post " * 40
API_2 = {
    "id": "2019000000000000007",
    "edit_history_tweet_ids": ["2019000000000000001", "2019000000000000007"],
    "text": LONG[:270] + "…",
    "note_tweet": {"text": LONG},
    "author_id": "42",
    "lang": "in",
    "created_at": "2026-02-03T04:05:06.000Z",
}
API_1 = {
    "id": 2019000000000000007,
    "id_str": "2019000000000000007",
    "text": LONG[:139] + "…",
    "truncated": True,
    "extended_tweet": {"full_text": LONG},
    "user": {"id": 42, "id_str": "42", "screen_name": "somebody"},
    "lang": "in",
    "created_at": "Tue Feb 03 04:05:06 +0000 2026",
}
GNIP = {
    "id": "tag:search.twitter.com,2005:2019000000000000007",
    "objectType": "activity",
    "body": LONG[:139] + "…",
    "long_object": {"body": LONG},
    "actor": {"id": "id:twitter.com:42", "preferredUsername": "somebody"},
    "twitter_lang": "in",
    "postedTime": "2026-02-03T04:05:06.000Z",
}


@pytest.mark.parametrize(
    ("tweet", "tweet_id"),
    [(API_2, "2019000000000000001"), (API_1, "2019000000000000007"), (GNIP, GNIP["id"])],
)
@pytest.mark.parametrize("form", ["lines", "array", "page"])
def test_tweets_as_x_gives_them_are_read(tmp_path, tweet, tweet_id, form):
    value = {"lines": tweet, "array": [tweet], "page": {"data": [tweet], "meta": {"result_count": 1}}}[form]
    (row,) = source(tmp_path, "t.json", json.dumps(value)).rows()
    assert (row.tweet_id, row.text, row.author, row.language) == (tweet_id, LONG, "42", "in")
    assert row.created_at


def test_a_retweet_is_read_whole(tmp_path):
    whole = {**API_1, "extended_tweet": None, "text": "something longer than a retweet holds"}
    tweet = {**whole, "text": "RT @somebody: something lon…", "retweeted_status": whole}
    (row,) = source(tmp_path, "t.jsonl", json.dumps(tweet)).rows()
    assert row.text == "RT @somebody: something longer than a retweet holds"


def test_a_page_without_tweets_has_no_rows(tmp_path):
    pages = [{"meta": {"result_count": 0}}, {"data": [API_2], "meta": {}}]
    assert len(list(source(tmp_path, "t.jsonl", "\n".join(map(json.dumps, pages))).rows())) == 1


def test_named_columns_come_before_a_recognised_form(tmp_path):
    tweet = {**API_1, "full_text": "full"}
    (row,) = source(tmp_path, "t.jsonl", json.dumps(tweet), "plain", {"text": "full_text", "author": "lang"}).rows()
    assert (row.text, row.author, row.tweet_id) == ("full", "in", "2019000000000000007")


def test_sentiment140_is_read_as_published(tmp_path):
    lines = [
        '"4","1500000001","Fri Jun 05 01:02:03 PDT 2009","NO_QUERY","somebody","upgraded, thanks"',
        '"0","1500000002","Sat Dec 05 01:02:03 PST 2009","NO_QUERY","somebody","café closed"',
    ]
    one, two = source(tmp_path, "t.csv", "\n".join(lines).encode("latin-1"), "sentiment140").rows()
    assert (one.label, one.created_at) == ("positive", "2009-06-05T01:02:03-07:00")
    assert (two.text, two.label, two.created_at) == ("café closed", "negative", "2009-12-05T01:02:03-08:00")


def test_semeval_is_read_as_published(tmp_path):
    content = (
        '264183816548130816\t"positive"\tsaid \\u2019yes\\u2019 "today"\n'
        "264183816548130817\tobjective-OR-neutral\tNot Available\n"
    )
    one, two = source(tmp_path, "t.txt", content, "semeval").rows()
    assert (one.text, one.label) == ('said ’yes’ "today"', "positive")
    assert one.created_at.startswith("2012-11-02T")
    assert (two.text, two.label) == ("", "neutral")


def test_crowdflowers_own_airline_file_is_read_with_its_unit_ids(tmp_path):
    content = (
        "_unit_id,airline_sentiment,airline_sentiment:confidence,airline,name,text,tweet_created,tweet_id\n"
        "681448150,neutral,0.75,Delta,somebody,@Delta hello,2/24/15 11:35,5.70306E+17\n"
    )
    (row,) = source(tmp_path, "t.csv", content, "airline").rows()
    assert (row.confidence, row.tweet_id) == ("0.75", "5.70306E+17")
    options = ReadOptions(zone="America/Los_Angeles", date_format="%m/%d/%y %H:%M")
    (row,) = source(tmp_path, "t.csv", content, "airline", {"tweet_id": "_unit_id"}, options=options).rows()
    assert (row.tweet_id, row.created_at) == ("681448150", "2015-02-24T11:35:00-08:00")


def test_the_date_of_a_tweet_can_be_taken_from_its_id(tmp_path):
    content = "tweet_id,text\n570306133677760513,hello\n3,too old\n"
    one, two = source(tmp_path, "t.csv", content, "plain", {"created_at": "tweet_id"}).rows()
    assert one.created_at.startswith("2015-02-24T19:35:52")
    assert two.created_at is None
