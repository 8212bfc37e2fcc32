"""Search of every byte: files unpacked as far as they are packed, and the data folder of the database as it is."""

from __future__ import annotations

import gzip
import io
import os
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from benchmarks.forget.planted import Tweet

#: One by one: a common expression would have no beginning that the search can look for.
_WORD, _ID = re.compile(rb"zq[a-z]+xq"), re.compile(rb"\d{19,}")


def needles(tweets: Iterable[Tweet]) -> dict[bytes, int]:
    """What a byte search looks for: the unique word and the id of each tweet."""
    found = {}
    for tweet in tweets:
        found[tweet.word.encode()] = tweet.tweet_id
        found[str(tweet.tweet_id).encode()] = tweet.tweet_id
    return found


def spoken_of(content: bytes, wanted: dict[bytes, int]) -> set[int]:
    """The tweets whose word or written id stands in it."""
    tokens = {*_WORD.findall(content), *_ID.findall(content)}
    return {wanted[token] for token in tokens if token in wanted}


def in_files(folders: Iterable[Path], wanted: dict[bytes, int], *, without: Path | None = None) -> dict[str, set[int]]:
    """Path -> the tweets that it speaks of; without: a folder that is left out."""
    found: dict[str, set[int]] = defaultdict(set)
    for folder in folders:
        for path in files_in(folder, without=without):
            for content in unpacked(path):
                if tweets := spoken_of(content, wanted):
                    found[str(path)] |= tweets
    return dict(found)


def files_in(folder: Path, *, without: Path | None = None) -> Iterator[Path]:
    """Regular files below it, in order."""
    for top, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if Path(top, name) != without)
        yield from (path for name in sorted(names) if (path := Path(top, name)).is_file() and not path.is_symlink())


def in_data_folder(folder: Path, wanted: dict[bytes, int]) -> dict[str, set[int]]:
    """Path below the database's data folder -> the tweets whose word or written id stands in it."""
    return {str(Path(path).relative_to(folder)): tweets for path, tweets in in_files([folder], wanted).items()}


def unpacked(path: Path) -> Iterator[bytes]:
    """The content of a file, with what is packed in it."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    yield data
    if data[:2] == b"\x1f\x8b":
        yield gzip.decompress(data)
    elif data[:4] == b"PAR1":
        yield pd.read_parquet(io.BytesIO(data)).to_csv(index=False).encode()
    elif data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield archive.read(name)


def in_tables(owner: object, wanted: dict[bytes, int]) -> dict[str, set[int]]:
    """Table -> the tweets that its rows speak of, and the planner's statistics of it."""
    from sqlalchemy import text

    found: dict[str, set[int]] = {}
    with owner.begin() as connection:  # type: ignore[attr-defined]
        tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        for table in sorted([*tables, "pg_stats"]):
            rows = connection.execute(text(f"SELECT x::text FROM {table} x")).scalars()
            if tweets := spoken_of("\n".join(rows).encode(), wanted):
                found[table] = tweets
    return found
