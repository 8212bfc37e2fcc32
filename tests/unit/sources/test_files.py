"""Files: their forms, and what is said of those that cannot be read."""

from __future__ import annotations

import gzip
import json
import os

import pytest

from sentiment_lib.errors import BadInput, BadSource
from sentiment_lib.sources.files import FileSource

CSV = 'tweet_id,text,created_at\n1,"hello, @united",2026-01-01T00:00:00Z\n2,late again,2026-01-02T00:00:00Z\n'


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows(path, *args):
    return list(FileSource(path, *args).rows())


def test_the_same_tweets_come_out_of_every_form(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    records = [
        {"tweet_id": 1, "text": "hello, @united", "created_at": "2026-01-01T00:00:00Z"},
        {"tweet_id": 2, "text": "late again", "created_at": "2026-01-02T00:00:00Z"},
    ]
    lines = "\n".join(json.dumps(record) for record in records)
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "t.parquet")
    paths = [
        written(tmp_path, "t.csv", CSV),
        written(tmp_path, "bom.csv", b"\xef\xbb\xbf" + CSV.encode()),
        written(tmp_path, "utf-16.csv", CSV.encode("utf-16")),
        written(tmp_path, "t.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
        written(tmp_path, "zipped_without_saying.csv", gzip.compress(CSV.encode(), mtime=0)),
        written(tmp_path, "t.tsv", CSV.replace(",", "\t").replace("hello\t", "hello,")),
        written(tmp_path, "t.jsonl", lines),
        written(tmp_path, "t.jsonl.gz", gzip.compress(lines.encode())),
        tmp_path / "t.parquet",
    ]
    for path in paths:
        found = [(row.number, row.tweet_id, row.text, row.created_at) for row in rows(path)]
        assert found == [
            (1, "1", "hello, @united", "2026-01-01T00:00:00Z"),
            (2, "2", "late again", "2026-01-02T00:00:00Z"),
        ], path.name


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", b"", "the file is empty"),
        ("t.csv.gz", gzip.compress(b"", mtime=0), "the file is empty"),
        ("t.csv", b"\x89PNG\r\n\x1a\n\x00\x00\x00", "it has no column 'tweet_id', 'text', 'created_at'"),
        ("t.csv", "tweet_id,created_at\n1,2026-01-01T00:00:00Z\n", "it has no column 'text'"),
        ("t.csv", "".encode("utf-16") + CSV.encode("utf-16-be"), "it has no column"),
        ("t.csv.gz", gzip.compress(CSV.encode(), mtime=0)[:-12], "the gzip data is damaged or cut off"),
        ("t.csv.gz", gzip.compress(CSV.encode(), mtime=0)[:12] + b"\x00" * 40, "the gzip data is damaged or cut off"),
        ("t.jsonl", '{"id": 1}\n', "it has no column 'tweet_id'"),
        ("t.parquet", CSV, "it is not Parquet"),
        ("t.docx", CSV, "none of .csv"),
        ("tweets", CSV, "none of .csv"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path, name, content, said):
    path = written(tmp_path, name, content)
    with pytest.raises(BadSource) as caught:
        rows(path)
    assert said in str(caught.value)
    assert path.name in str(caught.value)
    assert str(caught.value).isascii()


def test_a_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(BadSource, match="no such file"):
        FileSource(tmp_path / "t.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_opened_says_so(tmp_path):
    path = written(tmp_path, "t.csv", CSV)
    path.chmod(0)
    with pytest.raises(BadSource, match="cannot be opened"):
        FileSource(path)


def test_a_truncated_gzip_gives_the_rows_before_the_cut(tmp_path):
    lines = "".join(f"{n},{os.urandom(20).hex()},2026-01-01T00:00:00Z\n" for n in range(1, 20_001))
    whole = gzip.compress(("tweet_id,text,created_at\n" + lines).encode())
    source = FileSource(written(tmp_path, "t.csv.gz", whole[: len(whole) // 2]))
    seen = []
    with pytest.raises(BadSource, match="cut off"):
        seen.extend(row.tweet_id for row in source.rows())
    assert len(seen) > 1_000
    assert seen == [str(n) for n in range(1, len(seen) + 1)]


def test_rows_of_another_width_are_kept_with_the_reason(tmp_path):
    path = written(tmp_path, "t.csv", CSV + "3,too,many,cells\n4\n\n5,fine,2026-01-03T00:00:00Z\n")
    found = rows(path)
    assert [(row.number, row.problem) for row in found[2:]] == [
        (3, "4 columns where the header has 3"),
        (4, "1 columns where the header has 3"),
        (5, None),
    ]
    assert json.loads(found[2].raw) == ["3", "too", "many", "cells"]


def test_a_quote_that_is_never_closed_loses_nothing(tmp_path):
    path = written(tmp_path, "t.csv", 'tweet_id,text,created_at\n1,"never closed,2026-01-01T00:00:00Z\n2,b,c\n')
    bad, good = rows(path)
    assert bad.problem == "line 2: a quotation mark in it is not closed, or not doubled inside of a cell"
    assert json.loads(bad.raw) == '1,"never closed,2026-01-01T00:00:00Z'
    assert (good.problem, good.tweet_id, good.text) == (None, "2", "b")


def test_json_lines_that_are_no_tweets_are_kept_with_the_reason(tmp_path):
    good = '{"tweet_id": 1, "text": "a", "created_at": "2026-01-01T00:00:00Z"}'
    deep = "[" * 100_000 + "]" * 100_000
    bad = ['{"tweet_id": 1,', "[1, 2]", '"text"', deep, '{"tweet_id": 1, "text": {"full": "a"}, "created_at": "x"}']
    found = rows(written(tmp_path, "t.jsonl", "\n".join([good, *bad, "", good])))
    assert len(found) == 7
    said = [row.problem or "" for row in found]
    for problem, start in zip(
        said,
        ["", "not JSON", "not a JSON object", "not a JSON object", "not JSON", "the column 'text'", ""],
        strict=True,
    ):
        assert problem.startswith(start)
    assert [bool(problem) for problem in said] == [False, *[True] * 5, False]
    assert json.loads(found[1].raw) == bad[0]


def test_parquet_strings_that_are_no_utf8_reach_the_check_of_the_row(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    broken = pa.Array.from_buffers(pa.string(), 2, pa.array([b"fine", b"caf\xe9"], pa.binary()).buffers())
    times = pa.array(["2026-01-01T00:00:00Z"] * 2)
    pq.write_table(
        pa.table({"tweet_id": pa.array([1, 2]), "text": broken, "created_at": times}), tmp_path / "t.parquet"
    )
    assert [row.text for row in rows(tmp_path / "t.parquet")] == ["fine", "caf\udce9"]


def test_the_digest_follows_content_and_columns_and_not_the_name(tmp_path):
    one, two = written(tmp_path, "a.csv", CSV), written(tmp_path, "b.csv", CSV)
    other = written(tmp_path, "c.csv", CSV + "3,x,2026-01-03T00:00:00Z\n")
    assert FileSource(one).identity.digest == FileSource(two).identity.digest
    assert FileSource(one).identity.digest != FileSource(other).identity.digest
    assert FileSource(one).identity.digest != FileSource(one, "plain", {"author": "text"}).identity.digest


def test_columns_can_be_named_one_by_one(tmp_path):
    path = written(tmp_path, "t.csv", "id,body,created_at\n7,hi,2026-01-01T00:00:00Z\n")
    (row,) = rows(path, "plain", {"tweet_id": "id", "text": "body"})
    assert (row.tweet_id, row.text) == ("7", "hi")


def test_a_column_for_an_unknown_field_is_refused(tmp_path):
    with pytest.raises(BadInput, match="choose from tweet_id, text"):
        FileSource(written(tmp_path, "t.csv", CSV), "plain", {"tweet": "id"})


def test_an_unknown_preset_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(BadInput, match="plain, airline, semeval, sentiment140"):
        FileSource(written(tmp_path, "t.csv", CSV), "twitter")
