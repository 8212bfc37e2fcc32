"""The files of `benchmarks.bombs`: ordinary ones, and small ones that stand for gigabytes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

HEADER = "tweet_id,text,created_at\n"
DAY = "2026-01-01T00:00:00Z"
FIRST_ID = 2_000_000_000_000_000_123
GIGABYTE = 1 << 30
#: Largest body that the API takes.
BODY = 4 << 20

Write = Callable[[Path], Path]


def ordinary_csv(folder: Path) -> Path:
    """20,000 tweets."""
    path = folder / "ordinary.csv"
    path.write_text(HEADER + "".join(f"{tweet['tweet_id']},{tweet['text']},{DAY}\n" for tweet in _tweets(20_000, 1)))
    return path


def ordinary_json(folder: Path) -> Path:
    """20,000 tweets."""
    path = folder / "ordinary.jsonl"
    path.write_text("".join(json.dumps(tweet) + "\n" for tweet in _tweets(20_000, 2)))
    return path


def ordinary_parquet(folder: Path) -> Path:
    """20,000 tweets."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / "ordinary.parquet"
    pq.write_table(pa.Table.from_pylist(_tweets(20_000, 3)), path)
    return path


ORDINARY: Mapping[str, Write] = {"csv": ordinary_csv, "jsonl": ordinary_json, "parquet": ordinary_parquet}


def _tweets(count: int, which: int) -> list[dict[str, str]]:
    start = FIRST_ID + which * 10**15
    return [
        {"tweet_id": str(start + n * 977), "text": f"flight {n} is late again, thank you", "created_at": DAY}
        for n in range(count)
    ]


def bombs(size: float) -> Iterator[tuple[str, str, Write]]:
    """(name, form of the ordinary file to compare with, writer) of each bomb; `size` 1.0 stands for gigabytes."""
    whole = int(1.5 * GIGABYTE * size)
    yield "gzip: one line, with the limit of unpacking", "csv", _packed("first.csv.gz", HEADER, "a", whole)
    for name, (form, file, start, repeated) in _gzip_bombs().items():
        yield f"gzip: {name}", form, _packed(file, start, repeated, whole if repeated != "\n" else whole // 20)
    rows = int(100_000 * size)
    yield "Parquet: large value in a dictionary", "parquet", _parquet("dictionary.parquet", ["a" * 200_000] * rows)
    yield (
        "Parquet: large values that compress well",
        "parquet",
        _parquet("values.parquet", [f"{n}" + "a" * 60_000 for n in range(rows // 4)], use_dictionary=False),
    )
    yield "Parquet: one value of 512 MB", "parquet", _parquet("one.parquet", ["a" * int(5e8 * size)])
    yield (
        "Parquet: values that repeat the one before",
        "parquet",
        _parquet(
            "delta.parquet",
            ["a" * 60_000] * rows,
            use_dictionary=False,
            column_encoding={"text": "DELTA_BYTE_ARRAY", "tweet_id": "PLAIN", "created_at": "PLAIN"},
        ),
    )
    yield "Parquet: empty rows", "parquet", _parquet("empty.parquet", [None] * int(2e7 * size))
    yield "Parquet: a list of millions", "parquet", _lists(int(1e8 * size))
    yield "Parquet: thousands of columns", "parquet", _columns(int(30_000 * size))
    yield "Parquet: fixed width", "parquet", _fixed(int(1e6 * size))
    yield "Try: one line", "try.csv", _body("line.csv", "a" * BODY)
    yield "Try: columns", "try.csv", _body("columns.csv", "text" + ",ab" * (BODY // 3 - 2))
    yield "Try: cells", "try.csv", _body("cells.csv", "text,b\n" + ("," * 60_000 + "\n") * (BODY // 60_001 - 1))
    yield "Try: short rows", "try.csv", _body("rows.csv", "text\n" + "a\n" * (BODY // 2 - 3))
    yield "Try: open quotation mark", "try.csv", _body("open.csv", 'text,b\n"' + "a\n" * (BODY // 2 - 5))


def _gzip_bombs() -> dict[str, tuple[str, str, str, str | bytes]]:
    """Name → form, file name, its beginning, and what is repeated."""
    arrays = "[" + "[]," * 900_000 + "[]]\n"
    return {
        "one line": ("csv", "line.csv.gz", HEADER, "a"),
        "one quoted cell of short lines": ("csv", "cell.csv.gz", f'{HEADER}1,"', "late again\n"),
        "short bad rows": ("csv", "rows.csv.gz", HEADER, "x\n"),
        "rows of 60,000 characters": ("csv", "wide.csv.gz", HEADER, "\u00e4" * 60_000 + "\n"),
        "rows of emoji": ("csv", "emoji.csv.gz", HEADER, "\U0001f600" * 60_000 + "\n"),
        "bytes of Windows-1252": ("csv", "bytes.csv.gz", HEADER, b"late \xe9\n"),
        "millions of columns": ("csv", "columns.csv.gz", "tweet_id,text,created_at", ",a"),
        "millions of cells in rows": ("csv", "cells.csv.gz", HEADER, "ab," * 20_000 + "\n"),
        "an open quotation mark, TSV": ("csv", "open.tsv.gz", HEADER.replace(",", "\t"), '"a\tb\n'),
        "blank lines": ("csv", "blank.csv.gz", HEADER, "\n"),
        "one line of JSON": ("jsonl", "line.jsonl.gz", '{"tweet_id": "', "1"),
        "a JSON array of empty objects": ("jsonl", "array.json.gz", "[", "{},"),
        "a JSON value of empty arrays": ("jsonl", "value.json.gz", '[{"a": [', "[],"),
        "nested JSON": ("jsonl", "nested.json.gz", "", "["),
        "lines of empty arrays": ("jsonl", "arrays.jsonl.gz", "", arrays),
        "emoji in lines of JSON": ("jsonl", "emoji.jsonl.gz", "", _emoji_json()),
        "spaces in JSON": ("jsonl", "spaces.json.gz", "[", " "),
    }


def _packed(name: str, start: str, repeated: str | bytes, size: int) -> Write:
    def write(folder: Path) -> Path:
        piece = repeated.encode() if isinstance(repeated, str) else repeated
        block = piece * max(1, (1 << 20) // len(piece))
        path = folder / name
        with gzip.open(path, "wb", compresslevel=6) as file:
            file.write(start.encode())
            for _ in range(max(1, size // len(block))):
                file.write(block)
        return path

    return write


def _parquet(name: str, texts: list[Any], **options: Any) -> Write:
    def write(folder: Path) -> Path:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = folder / name
        kind = pa.dictionary(pa.int32(), pa.string()) if len(texts) > 1 and texts[0] == texts[1] else pa.string()
        if options or len(texts) < 2 or texts[0] != texts[1]:
            kind = pa.string()
        with pq.ParquetWriter(path, _schema(kind), compression="zstd", **options) as writer:
            for at in range(0, len(texts), 1_000_000 if texts[0] is None else 1_000):
                part = texts[at : at + (1_000_000 if texts[0] is None else 1_000)]
                ids = [FIRST_ID + at + n for n in range(len(part))]
                writer.write_table(pa.table([ids, pa.array(part, kind), [DAY] * len(part)], _schema(kind)))
        return path

    return write


def _schema(kind: Any) -> Any:
    import pyarrow as pa

    return pa.schema([("tweet_id", pa.int64()), ("text", kind), ("created_at", pa.string())])


def _lists(length: int) -> Write:
    def write(folder: Path) -> Path:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = folder / "lists.parquet"
        texts = pa.ListArray.from_arrays(pa.array([0, length], pa.int32()), pa.nulls(length, pa.string()))
        pq.write_table(pa.table({"tweet_id": [1], "text": texts, "created_at": [DAY]}), path, compression="zstd")
        return path

    return write


def _columns(count: int) -> Write:
    def write(folder: Path) -> Path:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = folder / "columns.parquet"
        pq.write_table(pa.table({f"column{n}": pa.nulls(1, pa.int8()) for n in range(count)}), path)
        return path

    return write


def _fixed(width: int) -> Write:
    def write(folder: Path) -> Path:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = folder / "fixed.parquet"
        texts = pa.array([b"a" * width] + [None] * 999, pa.binary(width))
        table = pa.table({"tweet_id": range(1, 1001), "text": texts, "created_at": [DAY] * 1000})
        pq.write_table(table, path, compression="zstd")
        return path

    return write


def _body(name: str, text: str) -> Write:
    def write(folder: Path) -> Path:
        path = folder / f"try-{name}"
        path.write_text(text)
        return path

    return write


def _emoji_json() -> str:
    return json.dumps({"tweet_id": "x", "text": "\U0001f600" * 60_000, "created_at": DAY}, ensure_ascii=False) + "\n"
