"""Fuzzing of everything that reads tweets: CSV, TSV, JSON, Parquet, and the Try page, with bytes of any kind.

    python -m benchmarks.fuzz_ingest [--quick] [--check] [--seconds 600] [--seed 1]

Files are made of rows with known counts, then damaged (quotation marks, line ends, bytes, encodings) or replaced by
noise. Checked for each: nothing but our own errors is raised; rows in = tweets + quarantined, and not fewer than an
independent count of the rows that the file holds; no stored text that is not part of the decoded input; no readable
name, address or number of a planted person. Last line: JSON.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import random
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from sentiment_lib.errors import BadInput, BadSource
from sentiment_lib.serving.pages.text_input import parse_csv
from sentiment_lib.sources.base import Row
from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.ingestion.batch_validation import Batch, validate_rows
from sentiment_lib.steps.ingestion.row_validation import RowValidator
from sentiment_lib.text.entities import decode

NOW = datetime(2026, 6, 1, tzinfo=UTC)
#: Planted people, as they are written and as a reader would see them.
PEOPLE = (
    ("@planted_person", "planted_person"),
    ("\uff20planted_person", "planted_person"),
    ("&#64;planted_person", "planted_person"),
    ("@plan\u200bted_person", "ted_person"),
    ("planted.person@example.com", "planted.person"),
    ("planted.person&#64;example.com", "planted.person"),
    ("555\u2011010\u20110199", "0199"),
    ("555-010-0199", "0199"),
)
WORDS = (
    "late",
    '"so"',
    '"',
    "it\u2019s",
    "isn't",
    "caf\u00e9",
    "\u8377\u7269",
    "https://t.co/AbC",
    "https://t.co/AbC\u307e\u3060",
    "&amp;",
    "&lt;3",
    "\U0001f600",
    "a, b",
    "a;b",
    "\\",
    "nan",
    "#tag",
    "@united",
    "'",
    "1,2",
)


@dataclass
class Case:
    """A file, and what is known of it."""

    name: str
    content: bytes
    #: rows that it holds, by construction; None when it was damaged
    rows: int | None = None
    texts: list[str] = field(default_factory=list)


def made_case(draw: random.Random) -> Case:
    """A well-formed file in one of the forms."""
    count = draw.choice((1, 2, 3, 7, 20))
    records = [
        {
            "tweet_id": str((1_770_000_000_000 + n * 977 << 22) + draw.randrange(4096)),
            "text": made_text(draw),
            "created_at": draw.choice(("2026-02-03T04:05:06Z", "Tue Feb 03 04:05:06 +0000 2026", "2026-02-03")),
            "label": draw.choice(("negative", "Neutral", "", "nan", "4")),
        }
        for n in range(count)
    ]
    texts = [record["text"] for record in records]
    form = draw.choice(("csv", "csv", "tsv", "unquoted", "jsonl", "json", "page", "parquet"))
    if form == "parquet":
        return Case("t.parquet", _parquet(records), count, texts)
    if form in ("jsonl", "json", "page"):
        text = {
            "jsonl": lambda: "\n".join(json.dumps(record, ensure_ascii=draw.random() < 0.5) for record in records),
            "json": lambda: json.dumps(records, indent=draw.choice((None, 1))),
            "page": lambda: json.dumps({"data": [_api_2(record) for record in records], "meta": {}}),
        }[form]()
        return Case(f"t.{'jsonl' if form == 'jsonl' else 'json'}", text.encode(), count, texts)
    if form == "unquoted":
        lines = ["\t".join(record.values()) for record in records]
        return Case("t.tsv", "\n".join(["\t".join(records[0]), *lines]).encode(), count, texts)
    separator = "\t" if form == "tsv" else draw.choice((",", ";"))
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=separator, quoting=draw.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)))
    writer.writerow(records[0])
    writer.writerows(record.values() for record in records)
    encoding = draw.choice(("utf-8", "utf-8-sig", "utf-16", "cp1252"))
    try:
        content = file.getvalue().encode(encoding)
    except UnicodeEncodeError:
        content = file.getvalue().encode()
    return Case(f"t.{'tsv' if form == 'tsv' else 'csv'}", content, count, texts)


def made_text(draw: random.Random) -> str:
    """Words with a planted person now and then."""
    words = [draw.choice(WORDS) for _ in range(draw.randint(1, 7))]
    if draw.random() < 0.3:
        words.insert(draw.randint(0, len(words)), draw.choice(PEOPLE)[0])
    return " ".join(words)


def damaged(draw: random.Random, case: Case) -> Case:
    """The case with some bytes taken out, put in or repeated; or noise instead."""
    content = bytearray(case.content)
    if draw.random() < 0.05:
        return Case(case.name, draw.randbytes(draw.randint(1, 400)))
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(content) + 1)
        match draw.randrange(4):
            case 0:
                content[at:at] = draw.choice((b'"', b"\n", b"\r", b"\x00", b"\xff", b"\t", b",", b"\xe9", b"[", b"}"))
            case 1:
                del content[at : at + draw.randint(1, 5)]
            case 2:
                content[at : at + 1] = draw.randbytes(1)
            case _:
                content[at:at] = content[at : at + draw.randint(1, 60)]
    return Case(case.name, bytes(content))


def check(case: Case, folder: Path) -> str | None:
    """What is wrong with the reading of a case; None when nothing is."""
    path = folder / case.name
    path.write_bytes(case.content)
    rows: list[Row] = []
    error = None
    if case.content:
        source = FileSource(path)
        validator = RowValidator(source.identity, b"key", NOW)
        try:
            rows.extend(islice(source.rows(), 100_000))
        except BadSource as problem:
            error = problem
        batch = validate_rows(validator, rows)
        if wrong := _check_rows(case, rows, batch, error):
            return wrong
    if case.name.endswith(".csv"):
        try:
            shown = parse_csv(case.content, 100_000)
        except BadInput:
            return None
        if case.rows is not None and len(shown) != case.rows:
            return f"the Try page shows {len(shown)} rows of {case.rows}"
    return None


def _check_rows(case: Case, rows: list[Row], batch: Batch, error: BadSource | None) -> str | None:
    if len(rows) != len(batch.tweets) + len(batch.bad):
        return f"{len(rows)} rows became {len(batch.tweets)} tweets and {len(batch.bad)} quarantined"
    if [row.number for row in rows] != list(range(1, len(rows) + 1)):
        return "rows are not numbered one by one"
    if case.rows is not None and (error is not None or len(rows) != case.rows):
        return f"{len(rows)} rows of {case.rows}, error {error}"
    if case.rows is None:
        return None
    for _, text, *_ in batch.tweets:
        if any(seen in text for _, seen in PEOPLE):
            return f"a person can be read in {text!a}"
    whole = decode("\n".join(case.texts))
    for _, text, *_ in batch.tweets:
        for mark in ("@user", "http ", "http", "<email>", "<phone>"):
            text = text.replace(mark, "\n")
        if lost := [part for part in text.split("\n") if part.strip() and part.strip() not in whole]:
            return f"not in the input: {lost[0]!a}"
    return None


def _parquet(records: list[dict[str, str]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records), file)
    return file.getvalue()


def _api_2(record: dict[str, str]) -> dict[str, str]:
    return {"id": record["tweet_id"], "author_id": "7", "text": record["text"], "created_at": record["created_at"]}


def run(seed: int, *, cases: int | None = None, seconds: float | None = None) -> tuple[int, list[str]]:
    """Number of cases tried, and what was wrong with some of them."""
    draw = random.Random(seed)
    wrong: list[str] = []
    until = time.monotonic() + seconds if seconds is not None else None
    tried = 0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        while (cases is None or tried < cases) and (until is None or time.monotonic() < until):
            case = made_case(draw)
            if tried % 2:
                case = damaged(draw, case)
            tried += 1
            try:
                problem = check(case, Path(folder))
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
            if problem is not None:
                wrong.append(f"{case.name} {case.content[:600]!r}: {problem}")
    return tried, wrong


def main() -> None:
    """Fuzz for so many seconds; with --check, exit 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20 seconds")
    parser.add_argument("--check", action="store_true", help="exit 1 when a case is wrong")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    tried, wrong = run(chosen.seed, seconds=20 if chosen.quick else chosen.seconds)
    for problem in wrong[:20]:
        print(problem)
    print(json.dumps({"benchmark": "fuzz_ingest", "cases": tried, "wrong": len(wrong), "ok": not wrong}))
    raise SystemExit(1 if chosen.check and wrong else 0)


if __name__ == "__main__":
    main()
