"""A file that nobody can read stops no request to forget: it is searched as bytes, and named in the receipt."""

from __future__ import annotations

import gzip
import json
import tracemalloc

import pytest

from sentiment_lib.erasure import record_files
from sentiment_lib.erasure.terms import Terms
from sentiment_lib.errors import ErasureFailed
from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.erasure import erase, forget, receipt, request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.steps.ingestion import ingest
from sentiment_lib.storage import erasure_requests, grants

DATABASE_ROLE = grants.APP
MINE = 1_200_000_000_000_000_001
TERMS = Terms(ids=frozenset({MINE}), words=frozenset({"zqword"}))
#: Content around what is said.
FORMS = {
    "cut-off.csv.gz": lambda said: gzip.compress(b"a,b\n" + said + b"\n1,2\n" * 9000)[:-20],
    "no.gz": lambda said: b"\x1f\x8bno gzip at all " + said,
    "cut-off.parquet": lambda said: b"PAR1" + b"x" * 100 + said,
    "deep.json": lambda said: b"[" * 100_000 + said + b"]" * 100_000,
    "deep-value.json": lambda said: b'{"a":' * 900 + (said or b"1") + b"}" * 900,
    "digits.json": lambda said: b'[{"id": ' + b"9" * 5000 + b', "b": "' + said + b'"}]',
    "long.csv": lambda said: b"x " * (5 << 20) + said,
}


@pytest.mark.parametrize("name", FORMS)
def test_what_cannot_be_read_goes_as_a_whole_where_it_speaks_of_a_tweet_alone(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(FORMS[name](b""))
    before = path.read_bytes()
    assert record_files.clean(path, TERMS) == record_files.Cleaned(records=0, readable=False)
    assert path.read_bytes() == before
    path.write_bytes(FORMS[name](str(MINE).encode()))
    assert record_files.clean(path, TERMS) == record_files.Cleaned(records=1, removed=True, readable=False)
    assert not path.exists()


def test_half_a_character_is_written_as_an_escape(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(f'[{{"text": "\\ud800 x", "id": 5}}, {{"id": {MINE}}}]')
    assert record_files.clean(path, TERMS) == record_files.Cleaned(records=1)
    assert json.loads(path.read_text()) == [{"text": "\ud800 x", "id": 5}]


def test_a_line_that_unpacks_to_more_than_the_limits_takes_little_memory(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(bytes([48]) * (100 << 20), 1))
    tracemalloc.start()
    found = record_files.search(path, TERMS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == record_files.Cleaned(records=0, readable=False)
    assert peak < 64 << 20


@pytest.fixture
def tweets(store, settings, tmp_path):
    """Ids of stored tweets."""
    path = tmp_path / "in.csv"
    lines = [f"{MINE + n},@united late again {n},2026-01-01T00:0{n}:00Z,who{n}" for n in range(3)]
    path.write_text("tweet_id,text,created_at,author\n" + "\n".join(lines) + "\n")
    ingest.run(store, settings, FileSource(path))
    return [MINE + n for n in range(3)]


def ask(store, settings, tweet_id):
    return request_erasure.run(store, settings, ErasureOrder(tweet_ids=[tweet_id], requested_by="desk"))


def test_the_receipt_names_what_cannot_be_read(store, settings, tweets):
    folder = settings.landing / "failed"
    folder.mkdir(parents=True)
    for name in ("cut-off.csv.gz", "cut-off.parquet"):
        (folder / name).write_bytes(FORMS[name](b""))
    (folder / f"no-{tweets[0]}.gz").write_bytes(FORMS["no.gz"](b""))
    number = ask(store, settings, tweets[0])
    assert forget.run(store, settings, models=False).done == (number,)
    with store.begin() as connection:
        told = receipt.of_request(connection, number)["ledger"][1]
    assert told["unreadable"] == ["cut-off.csv.gz", "cut-off.parquet", "no-[erased].gz"]


def test_a_request_that_fails_does_not_stop_the_others(store, settings, tweets, monkeypatch):
    first, second = (ask(store, settings, tweet_id) for tweet_id in tweets[:2])
    really = erase.run

    def run(store, settings, request, **named):
        if request.request_id == first:
            raise OSError("the disk is full")
        really(store, settings, request, **named)

    with monkeypatch.context() as patched:
        patched.setattr(erase, "run", run)
        with pytest.raises(ErasureFailed, match=f"request {first}: OSError: the disk is full"):
            forget.run(store, settings, models=False)
    with store.begin() as connection:
        states = {one.request_id: one.state for one in erasure_requests.newest(connection, 9)}
    assert states == {first: "received", second: "done"}
    assert forget.run(store, settings, models=False).done == (first,)
