"""Limits of files that come in: they hold before what they limit is in memory, and every row is accounted for."""

from __future__ import annotations

import gzip
import json
import os
import random
import socket
import tracemalloc

import pytest

from sentiment_lib.errors import BadInput, BadSource
from sentiment_lib.serving.pages.text_input import parse_csv
from sentiment_lib.settings import InputSettings
from sentiment_lib.sources import parquet_rows
from sentiment_lib.sources.files import FileSource
from sentiment_lib.sources.landing import Landing
from sentiment_lib.sources.parquet_rows import ParquetRows

DAY = "2026-01-01T00:00:00Z"
HEADER = "tweet_id,text,created_at\n"
LIMITS = InputSettings(maximum_row_characters=2000, maximum_json_characters=20_000, maximum_columns=20)
GOOD = {"tweet_id": 7, "text": "late again", "created_at": DAY}


def rows(path, limits=LIMITS, **options):
    return list(FileSource(path, limits=limits, **options).rows())


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def problems(found):
    return [row.problem for row in found]


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.csv.gz"])
@pytest.mark.parametrize("filling", ["a", '"a', "\U0001f600", "a\r"])
def test_a_line_that_is_too_long_costs_itself_only(tmp_path, name, filling):
    lines = [f"1,late,{DAY}\n", f"2,{filling * 30_000},{DAY}\n", f"3,again,{DAY}\n", "4," + "x" * 1990, "\n"]
    content = (HEADER + "".join(lines)).replace(",", "\t" if name.endswith("tsv") else ",")
    found = rows(written(tmp_path, name, gzip.compress(content.encode()) if name.endswith("gz") else content))
    assert [row.tweet_id for row in found if row.problem is None][:1] == ["1"]
    assert "3" in [row.tweet_id for row in found if row.problem is None]
    if filling != "a\r":  # a carriage return ends a line
        assert found[1].problem == "line 3: it has more than 2000 characters"
        assert len(found) == 4
    assert max(len(json.loads(row.raw)) for row in found) <= 2001


def test_a_quoted_cell_of_many_short_lines_is_no_record(tmp_path):
    cell = "late\n" + "again, late\n" * 400
    content = HEADER + f'1,"{cell}",{DAY}\n2,fine,{DAY}\n'
    found = rows(written(tmp_path, "t.csv", content))
    assert found[-1].tweet_id == "2"
    assert len(found) == 403
    assert max(len(row.text or "") for row in found) < 100


def test_too_many_columns_are_refused_in_the_header_and_cut_in_a_row(tmp_path):
    with pytest.raises(BadSource, match="it has 33 columns, more than 20"):
        rows(written(tmp_path, "t.csv", HEADER.strip() + ",a" * 30 + "\n"))
    (row,) = rows(written(tmp_path, "t.csv", HEADER + "1" + ",a" * 500 + "\n"))
    assert row.problem == "501 columns where the header has 3"
    assert len(json.loads(row.raw)) == 20


def test_json_lines_that_are_too_long_cost_themselves_only(tmp_path):
    long = [{**GOOD, "text": "a" * 50_000}, {**GOOD, "text": "a" * 5_000}, {**GOOD, "more": [[]] * 2_000}]
    found = rows(written(tmp_path, "t.jsonl", "".join(json.dumps(one) + "\n" for one in [GOOD, *long, GOOD])))
    assert [bool(problem) for problem in problems(found)] == [False, True, True, True, False]
    assert found[1].problem == "the line has more than 20000 characters"
    assert found[2].problem == "the tweet has 5066 characters, more than 2000"
    assert max(len(row.raw) for row in found) < 3_000


@pytest.mark.parametrize("indent", [None, 1])
def test_tweets_of_an_array_or_a_page_that_are_too_long_cost_themselves_only(tmp_path, indent):
    tweets = [GOOD, {**GOOD, "text": "a" * 5_000}, GOOD]
    found = rows(written(tmp_path, "t.json", json.dumps(tweets, indent=indent)))
    assert [bool(problem) for problem in problems(found)] == [False, True, False]
    page = {"data": [{**tweet, "id": "7", "author_id": "8"} for tweet in tweets], "meta": {}}
    found = rows(written(tmp_path, "t.json", json.dumps(page, indent=indent)))
    assert [bool(problem) for problem in problems(found)] == [False, True, False]


@pytest.mark.parametrize("content", ['[{"a": "' + "b" * 90_000, '[{"a": [' + "[]," * 30_000, "[" * 90_000])
def test_a_json_value_that_is_too_long_ends_the_file(tmp_path, monkeypatch, content):
    from sentiment_lib.sources import json_records

    monkeypatch.setattr(json_records, "CHUNK_CHARACTERS", 4096)
    monkeypatch.setattr(json_records, "MAX_PARTS", 5_000)
    source = FileSource(written(tmp_path, "t.json", content), limits=LIMITS)
    with pytest.raises(BadSource, match="not JSON"):
        list(source.rows())


def test_a_line_with_too_many_parts_is_not_parsed(tmp_path, monkeypatch):
    from sentiment_lib.sources import json_records

    monkeypatch.setattr(json_records, "MAX_PARTS", 3_000)
    line = json.dumps({**GOOD, "more": [[]] * 4_000})
    bad, good = rows(written(tmp_path, "t.jsonl", f"{line}\n{json.dumps(GOOD)}\n"))
    assert (bad.problem, good.problem) == ("it has more than 3000 parts", None)


def test_a_file_that_unpacks_to_too_much_is_refused_before_its_first_row(tmp_path, monkeypatch):
    from sentiment_lib.sources import input_file

    monkeypatch.setattr(input_file, "RATIO_FROM_BYTES", 1 << 20)
    path = written(tmp_path, "t.csv.gz", gzip.compress((HEADER + f"1,late,{DAY}\n" * 100_000).encode()))
    source = FileSource(path, limits=InputSettings(maximum_unpacking_ratio=50))
    with pytest.raises(BadSource, match="it unpacks to more than 1048576 bytes"):
        next(source.rows())
    assert len(rows(path, InputSettings(maximum_unpacking_ratio=1000))) == 100_000
    with pytest.raises(BadSource, match="unpacks to more than 1048576 bytes"):
        rows(path, InputSettings(maximum_unpacked_bytes=1 << 20, maximum_unpacking_ratio=1000))


def parquet(tmp_path, texts, **options):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "t.parquet"
    table = pa.table({"tweet_id": list(range(1, len(texts) + 1)), "text": texts, "created_at": [DAY] * len(texts)})
    pq.write_table(table, path, **{"compression": "zstd", **options})
    return path


def test_a_long_value_that_every_row_of_parquet_refers_to_is_in_memory_once(tmp_path):
    import pyarrow as pa

    texts = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 1_000), pa.array(["a" * 3_000_000, "late"]))
    path = parquet(tmp_path, texts)
    assert path.stat().st_size < 80_000
    tracemalloc.start()
    found = list(FileSource(path).rows())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000
    assert [row.problem for row in found[:2]] == ["the column 'text' holds more than 65536 characters", None]
    assert (len(found), found[1].text) == (2_000, "late")
    assert max(len(row.raw) for row in found) < 66_000


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_dictionary": False},
        {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY"}},
        {"use_dictionary": False, "column_encoding": {"text": "DELTA_LENGTH_BYTE_ARRAY"}},
        {"compression": "none", "row_group_size": 100},
        {"write_statistics": False, "data_page_size": 500},
    ],
)
def test_parquet_is_read_the_same_however_it_is_written(tmp_path, version, options):
    texts = [f"late {number}" * 20 if number % 3 else None if number % 2 else "again" for number in range(1000)]
    found = rows(parquet(tmp_path, texts, data_page_version=version, **options))
    assert [row.text for row in found] == texts
    assert [row.tweet_id for row in found] == [str(number) for number in range(1, 1001)]


@pytest.mark.parametrize("options", [{}, {"use_dictionary": False}])
def test_a_page_of_parquet_that_is_too_large_is_never_unpacked(tmp_path, options):
    path = parquet(tmp_path, ["a" * 40_000_000], **options)
    assert path.stat().st_size < 20_000
    with pytest.raises(BadSource, match="one of its pages unpacks to 40000"):
        rows(path)


def test_batches_of_large_values_have_few_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_rows, "BATCH_BYTES", 1 << 20)
    path = parquet(
        tmp_path,
        ["a" * 20_000] * 1_000,
        use_dictionary=False,
        column_encoding={"text": "DELTA_BYTE_ARRAY", "tweet_id": "PLAIN", "created_at": "PLAIN"},
    )
    sizes = []
    decoded = ParquetRows._decoded
    monkeypatch.setattr(
        ParquetRows, "_decoded", lambda self, batch, names: sizes.append(len(batch)) or decoded(self, batch, names)
    )
    assert len(rows(path, InputSettings())) == 1_000
    assert max(sizes) * 20_000 <= 2 << 20


@pytest.mark.parametrize("cut", [0.0, 0.95])
def test_damaged_parquet_is_a_fault_of_the_file(tmp_path, cut):
    path = parquet(tmp_path, [f"late {number}" for number in range(3_000)])
    content = bytearray(path.read_bytes())
    for at in range(int(cut * len(content)), min(len(content), int(cut * len(content)) + 40)):
        content[at] ^= 0x5A
    source = FileSource(written(tmp_path, "bad.parquet", bytes(content)))
    with pytest.raises(BadSource, match=r"Parquet|page"):
        list(source.rows())


def test_a_damaged_footer_ends_the_file_and_not_the_process(tmp_path):
    content = parquet(tmp_path, [f"late {number}" for number in range(300)], row_group_size=100).read_bytes()
    draw, refused = random.Random(1), 0
    for _ in range(150):
        damaged = bytearray(content)
        for _ in range(3):
            damaged[draw.randrange(len(damaged) - 1500, len(damaged))] = draw.randrange(256)
        try:
            assert len(rows(written(tmp_path, "bad.parquet", bytes(damaged)))) == 300
        except BadSource:
            refused += 1
    assert refused > 75


def test_a_column_of_parquet_that_no_field_can_be_read_from_is_refused(tmp_path):
    with pytest.raises(BadSource, match="its column 'text' holds no plain values"):
        rows(parquet(tmp_path, [["late"], ["again"]]))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a" * 100_000, "its line 1 has more than 65,536 characters"),
        ("text" + ",a" * 1_500, "it has more than 1,000 columns"),
    ],
)
def test_the_try_page_has_the_same_limits(content, problem):
    with pytest.raises(BadInput, match=problem):
        parse_csv(content.encode(), 10)


def test_a_row_of_the_try_page_that_is_too_long_has_a_problem():
    first, second = parse_csv(("text\n" + "a" * 100_000 + "\nlate\n").encode(), 10)
    assert first.problem == "line 2: it has more than 65536 characters"
    assert (second.text, second.problem) == ("late", None)


def make_fifo(path):
    os.mkfifo(path)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(path))


def make_link(path):
    secret = path.parent.parent / "secret.csv"
    secret.write_text(HEADER)
    path.symlink_to(secret)


def make_dangling_link(path):
    path.symlink_to("nowhere")


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (make_fifo, "it is a pipe"),
        (make_socket, "it is a socket"),
        (make_link, "it is a symbolic link"),
        (make_dangling_link, "it is a symbolic link"),
    ],
)
def test_special_files_in_the_landing_folder_are_never_opened(tmp_path, make, problem):
    folder = tmp_path / "landing"
    landing = Landing(folder)
    make(folder / "special.csv")
    (folder / "good.csv").write_text(HEADER)
    claims = {claim.file_name: claim for claim in landing.claims()}
    assert {name: claim.problem for name, claim in claims.items()} == {"special.csv": problem, "good.csv": None}
    landing.failed(claims["special.csv"], problem)
    assert (folder / "failed" / "plain__special.csv.why.txt").read_text() == f"{problem}\n"
    with pytest.raises(BadSource, match=r"it is no file|it is a symbolic link|cannot be opened"):
        FileSource(folder / "failed" / "plain__special.csv", follow_links=False)


def test_a_link_that_takes_the_place_of_a_claimed_file_is_not_followed(tmp_path):
    secret = written(tmp_path, "secret.csv", HEADER + f"1,secret,{DAY}\n")
    path = written(tmp_path, "t.csv", HEADER + f"1,late,{DAY}\n")
    source = FileSource(path, follow_links=False)
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(BadSource, match="symbolic link"):
        list(source.rows())
    assert [row.text for row in FileSource(path).rows()] == ["secret"]  # a person may name a link


@pytest.mark.parametrize("name", ["claimed", "done", "failed", "airline"])
def test_a_folder_of_the_landing_folder_that_is_a_link_is_refused(tmp_path, name):
    (tmp_path / "landing").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "landing" / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match=f"{name} in it is a symbolic link"):
        Landing(tmp_path / "landing")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (b"caf\xe9.csv", "is not UTF-8"),
        (b"a\nb.csv", "is not UTF-8 or has control characters"),
        (b"a" * 251 + b".csv", "its name has 255 bytes, more than 180"),
        ("\u8377".encode() * 83 + b".csv", "its name has 253 bytes, more than 180"),
    ],
)
def test_a_name_that_cannot_be_stored_goes_to_failed_and_the_others_go_on(tmp_path, name, problem):
    landing = Landing(tmp_path)
    (tmp_path / "good.csv").write_text(HEADER)
    with open(os.fsencode(tmp_path) + b"/" + name, "w") as file:
        file.write(HEADER)
    claims = list(landing.claims())
    assert sorted(claim.problem is None for claim in claims) == [False, True]
    (bad,) = (claim for claim in claims if claim.problem is not None)
    assert problem in bad.problem
    assert bad.path.name.isprintable()
    landing.failed(bad, bad.problem)
    assert len(list((tmp_path / "failed").iterdir())) == 2
    assert list(Landing(tmp_path).claims()) == [claim for claim in claims if claim.problem is None]


def test_a_name_of_the_longest_length_passes_through_every_folder(tmp_path):
    landing = Landing(tmp_path)
    for _ in range(3):
        folder = tmp_path / "sentiment140"
        (folder / ("a" * 176 + ".csv")).write_text(HEADER)
        (claim,) = landing.claims()
        assert claim.problem is None
        landing.done(claim, ["one row was refused"])
    assert len(list((tmp_path / "done").iterdir())) == 6
