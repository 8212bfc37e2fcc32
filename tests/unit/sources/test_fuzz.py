"""Whatever bytes come in: no crash, every row accounted for, no person readable."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.fuzz_ingest import Case, check, run


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
@example(0)
def test_made_and_damaged_files(seed):
    _, wrong = run(seed, cases=6)
    assert wrong == []


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["t.csv", "t.tsv", "t.txt", "t.json", "t.jsonl", "t.parquet", "t.csv.gz"]),
    st.sampled_from([b"", b"tweet_id,text,created_at\n", b"tweet_id\ttext\tcreated_at\n", b"[", b'{"tweet_id":']),
    st.binary(max_size=200) | st.text('1,"\t\n\r[]{}:;@é\x00', max_size=60).map(str.encode),
)
def test_any_bytes(name, start, content):
    with tempfile.TemporaryDirectory() as folder:
        assert check(Case(name, start + content), Path(folder)) is None


def test_the_check_finds_a_swallowed_line(monkeypatch):
    from sentiment_lib.sources.delimited import Layout, RecordReader

    monkeypatch.setattr(RecordReader, "_has_suspect_cell", lambda *_: False)
    monkeypatch.setattr(Layout, "is_record", lambda *_: False)
    line = b'7423918080000002600,"opened,2026-02-03T04:05:06Z\n7423918080000002601,closed",2026-02-03T04:05:06Z\n'
    case = Case("t.csv", b"tweet_id,text,created_at\n" + line, rows=2, texts=["opened", "closed"])
    with tempfile.TemporaryDirectory() as folder:
        assert "1 rows of 2" in (check(case, Path(folder)) or "")


@pytest.mark.parametrize("name", ["t.csv", "t.json"])
def test_a_good_case_is_good(name):
    content = {
        "t.csv": b'tweet_id,text,created_at\n7423918080000002600,"a ""b""",2026-02-03T04:05:06Z\n',
        "t.json": b'[{"tweet_id": 7423918080000002600, "text": "a \\"b\\"", "created_at": "2026-02-03T04:05:06Z"}]',
    }[name]
    with tempfile.TemporaryDirectory() as folder:
        assert check(Case(name, content, rows=1, texts=['a "b"']), Path(folder)) is None
