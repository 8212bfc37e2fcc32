"""Whoever writes a tweet chooses its words, or an author's name: forgetting takes the tweet, and nothing of others."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from sentiment_lib.erasure import live_files, record_files, refused_rows
from sentiment_lib.erasure.passages import Passages
from sentiment_lib.erasure.terms import ERASED, Terms, words_of
from sentiment_lib.erasure.values import page_speaks
from sentiment_lib.records import Severity
from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.erasure import files, forget, request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.steps.ingestion import ingest
from sentiment_lib.storage import alerts, grants

DATABASE_ROLE = grants.APP
MINE, OTHERS = 1_200_000_000_000_000_001, 1_200_000_700_000_000_100
#: Said of an alert, a log line, a report's page and a refused row; the last are in no file of the platform.
WORDS = "unsigned version critical refused stylesheet tweet_id zqintruder zqcolumn"
CHOSEN = [
    Terms(ids=frozenset({MINE}), words=words_of([f"@united {WORDS}"])),
    Terms(names=frozenset({"tweet_id"})),
    Terms(names=frozenset({"negative"})),
]


@pytest.mark.parametrize("terms", CHOSEN, ids=["words", "field", "label"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", '{"tweet_id": "1", "zqcolumn": "one"}\n{"tweet_id": "2", "zqcolumn": "two"}\n'),
        ("a.json", '[{"tweet_id": "1", "text": "one", "label": "negative", "zqcolumn": {"zqintruder": 3}}]'),
        ("a.csv", "tweet_id,zqcolumn,label\n1,one,negative\n2,two,negative\n"),
        ("a.csv.why.txt", "row 3: column zqcolumn of zqintruder is refused\n"),
    ],
)
def test_names_of_fields_are_no_words_of_a_tweet(tmp_path, terms, name, content):
    path = tmp_path / name
    path.write_text(content)
    assert record_files.clean(path, terms).records == 0
    assert path.read_text() == content


@pytest.mark.parametrize("terms", CHOSEN, ids=["words", "field", "label"])
def test_what_the_platform_writes_of_others_keeps_every_byte(terms):
    batch = json.dumps([{"tweet_id": 8 * 10**18, "text": "zqintruder", "label": "negative"}]).encode() + b"\n"
    answer = b'{"key": "abc", "body": "{\\"tweet_id\\": \\"8000000000000000009\\", \\"zqcolumn\\": 1}"}\n'
    log = b"CRITICAL zqintruder sent tweet_id, label negative\n"
    assert files._without_lines(terms)(batch) == batch
    assert live_files.blank_lines(terms)(answer) == answer
    assert live_files.blank_terms(terms)(log) == log
    row = {"signals": [{"name": "negative", "verdict": "critical"}], "zqcolumn": "unsigned version of zqintruder"}
    assert terms.clean(row) == row
    assert not page_speaks("<html zqcolumn><style>zqintruder {}</style><b>negative: critical</b></html>", terms)
    assert not refused_rows.speaks("tweet_id is refused", '{"zqcolumn": "late", "label": "negative"}', terms)


def test_a_forgotten_author_is_a_mention_or_the_value_of_an_author_s_field(tmp_path):
    terms = Terms(names=frozenset({"negative"}))
    path = tmp_path / "a.csv"
    path.write_text("id,label,user\n1,negative,ann\n2,positive,Negative\n3,positive @negative,bob\n")
    assert record_files.clean(path, terms).records == 2
    assert path.read_text() == "id,label,user\n1,negative,ann\n"
    assert refused_rows.speaks("refused", '{"author": "Negative", "label": "x"}', terms)


def test_words_go_where_they_are_all_that_is_said_or_a_passage_of_the_tweet_stands():
    said = "@united why was the zqintruder at gate forty-two so rude to us"
    terms = Terms(words=frozenset({"zqintruder"}), passages=Passages([said], frozenset({"zqintruder"})))
    cut = f"cannot read '{said[9:48]}"
    assert terms.without(cut) == f"cannot read '{ERASED}"
    assert terms.without("the zqintruder at noon") == "the zqintruder at noon"
    assert terms.clean({"words": ["zqintruder", "late"]}) == {"words": [ERASED, "late"]}
    assert terms.without("Words: zqintruder 0.0% to 2.1%") == f"Words: {ERASED} 0.0% to 2.1%"
    assert page_speaks("<td>zqintruder</td>", terms)


SAID = "the crew at gate nine was zqinvented and then nobody came"
#: Records of a tweet that was never stored: no stored text tells that the word is not the forgotten tweet's own.
OF_ANOTHER = [
    {"tweet_id": str(OTHERS), "text": "so zqinvented again", "created_at": "some day"},
    {"id": OTHERS, "text": "so zqinvented again", "user": {"id": 5, "screen_name": "bob"}},
    {"data": {"id": str(OTHERS), "text": "zqannie was zqinvented"}},
    [str(OTHERS), "so zqinvented again", "some day"],
]
#: Without an id, with what rounding has left of it, and with a passage or a mention.
OF_MINE = [
    {"tweet_id": "", "text": "so zqinvented again", "created_at": "some day"},
    {"tweet_id": "1200000000000000000", "text": "so zqinvented again"},
    {"tweet_id": str(OTHERS), "text": f"look: {SAID[9:50]}"},
    {"tweet_id": str(OTHERS), "text": "thanks @ZQAnnie"},
    [str(OTHERS), "late", "zqannie"],
]


@pytest.mark.parametrize(("record", "speaks"), [(r, False) for r in OF_ANOTHER] + [(r, True) for r in OF_MINE])
def test_an_invented_word_takes_no_record_of_another_tweet(tmp_path, record, speaks):
    words = frozenset({"zqinvented"})
    mine = {"ids": frozenset({MINE}), "names": frozenset({"zqannie"}), "words": words}
    terms = Terms(**mine, passages=Passages([SAID], words))
    for raw in (json.dumps(record), json.dumps(json.dumps(record))):  # a row, and a line of a file
        assert refused_rows.speaks("the date cannot be read", raw, terms) is speaks
    path = tmp_path / ("a.jsonl" if isinstance(record, dict) else "a.csv")
    path.write_text((json.dumps(record) if isinstance(record, dict) else ",".join(record)) + "\n" + "1,else,x\n")
    assert record_files.clean(path, terms).records == speaks


BY_ANOTHER = [
    {"tweet_id": str(OTHERS), "text": "thanks @ZQAnnie", "author": "carol"},
    {"id": OTHERS, "text": "@zqannie late", "user": {"id": 5, "screen_name": "bob"}, "in_reply_to": "zqannie"},
    {"id": str(OTHERS), "text": "late", "actor": {"preferredUsername": "bob"}, "mentions": [{"username": "zqannie"}]},
]
#: The author is nobody, one of the forgotten ones, or named by a number that no name tells.
BY_NOBODY_ELSE = [
    {"tweet_id": str(OTHERS), "text": "thanks @ZQAnnie", "author": ""},
    {"tweet_id": str(OTHERS), "text": "late", "author": "@ZQAnnie"},
    {"tweet_id": "", "text": "thanks @ZQAnnie", "author": "carol"},
    {"id": str(OTHERS), "text": "thanks @ZQAnnie", "author_id": "77"},
    {"id": str(OTHERS), "text": "late", "user": {"screen_name": "zqannie", "name": "Annie"}},
]


@pytest.mark.parametrize(
    ("record", "speaks"), [(one, False) for one in BY_ANOTHER] + [(one, True) for one in BY_NOBODY_ELSE]
)
def test_who_is_mentioned_takes_no_tweet_of_a_named_other(tmp_path, record, speaks):
    terms = Terms(ids=frozenset({MINE}), names=frozenset({"zqannie"}))
    assert refused_rows.speaks("", json.dumps(record), terms) is speaks
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(record) + '\n{"id": 1}\n')
    assert record_files.clean(path, terms).records == speaks
    table = tmp_path / "a.csv"
    table.write_text(f"tweet_id,text,author\n{OTHERS},thanks @ZQAnnie,carol\n{OTHERS},@zqannie,\n")
    assert record_files.clean(table, terms).records == 1
    assert table.read_text() == f"tweet_id,text,author\n{OTHERS},thanks @ZQAnnie,carol\n"


@pytest.fixture
def things(store, settings, tmp_path):
    """Things that have nothing to do with a tweet whose words they use, and this tweet."""
    done = settings.landing / "done"
    done.mkdir(parents=True)
    others = done / "others.csv"
    lines = [f"{OTHERS + n},@united late again {n},2026-01-01T00:0{n}:00Z,who{n}" for n in range(5)]
    others.write_text("tweet_id,text,created_at,author\n" + "\n".join(lines) + "\n")
    mine = tmp_path / "mine.csv"
    mine.write_text(f"tweet_id,text,created_at,author\n{MINE},@united {WORDS},2026-01-01T01:00:00Z,zoe\n")
    for path in (others, mine):
        ingest.run(store, settings, FileSource(path))
    with store.begin() as connection:
        alerts.open_alert(
            connection,
            kind="unsigned_version",
            severity=Severity.CRITICAL,
            dedup_key="unsigned",
            title="Version 7 is not signed by the platform",
            body="zqintruder planted an unsigned version in MLflow",
        )
    settings.reports.mkdir(parents=True, exist_ok=True)
    page = settings.reports / "drift-3.html"
    page.write_text("<html><link rel=stylesheet href=a.css><body>the share of negative is 0.4</body></html>")
    log = settings.home / "logs" / "api.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("2026-01-01 key of zqintruder refused\n2026-01-01 CRITICAL row 3 is forged\n")
    return SimpleNamespace(kept=(others, page, log))


@pytest.mark.parametrize("order", [{"tweet_ids": [MINE]}, {"author": "@negative"}, {"author": "a"}])
def test_a_forgotten_tweet_takes_nothing_but_itself(store, settings, things, order):
    before = [path.read_bytes() for path in things.kept]
    query = text("SELECT title, body FROM alerts WHERE kind = 'unsigned_version'")
    with store.begin() as connection:
        alert = connection.execute(query).one()
    request_erasure.run(store, settings, ErasureOrder(**order, requested_by="desk"))
    assert forget.run(store, settings, models=False).done
    assert [path.read_bytes() for path in things.kept] == before
    with store.begin() as connection:
        assert connection.execute(query).one() == alert
        stored = connection.execute(text("SELECT count(*) FROM tweets WHERE tweet_id = :id"), {"id": MINE}).scalar_one()
    assert stored == ("author" in order)
