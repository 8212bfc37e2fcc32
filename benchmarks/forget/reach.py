"""Some planted tweets and an author are forgotten, and every byte of the installation is searched for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.forget import byte_search, planted, stores
from benchmarks.stack_home import free_port
from sentiment_lib.local.state_folder import Home
from sentiment_lib.steps.erasure import forget, receipt, request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.steps.operations import verify
from sentiment_lib.storage.backups import Backup
from sentiment_lib.storage.engine import Store

AUTHOR = "mira_flies"
#: Places whose other content stays as it was.
KEEPING = ("landing", "elsewhere", "logs", "idempotency", "spool", "snapshots")
#: Path or table -> tweets that it speaks of.
Found = dict[str, set[int]]


@dataclass(kw_only=True)
class Forgotten:
    """What was asked, and what was in each file and table before."""

    tweets: list[planted.Tweet]
    #: ids of everything that must be gone: the tweets, and those of the author
    lost: set[int]
    requests: tuple[int, int]
    files: Found
    tables: Found


def everywhere(made: planted.Installation, home: Home) -> tuple[Found, Found]:
    """Files (Postgres' own left out) and tables -> the tweets that they speak of."""
    wanted = byte_search.needles(made.tweets)
    files = byte_search.in_files([home.path, made.exported[0].parent], wanted, without=home.postgres)
    return files, byte_search.in_tables(made.owner, wanted)


def request(made: planted.Installation, home: Home, share: int) -> Forgotten:
    """Ask to forget every share-th tweet, and an author."""
    gone = made.tweets[::share]
    files, tables = everywhere(made, home)
    lost = {tweet.tweet_id for tweet in gone}
    lost |= {tweet.tweet_id for tweet in made.tweets if tweet.author == AUTHOR and tweet.source != "api"}
    first = request_erasure.run(
        made.store, made.settings, ErasureOrder(tweet_ids=[tweet.tweet_id for tweet in gone], requested_by="ann")
    )
    second = request_erasure.run(made.store, made.settings, ErasureOrder(author=f"@{AUTHOR}", requested_by="ann"))
    return Forgotten(tweets=gone, lost=lost, requests=(first, second), files=files, tables=tables)


def remains(
    made: planted.Installation, home: Home, asked: Forgotten, names: tuple[str, ...] = (AUTHOR,)
) -> dict[str, Any]:
    """What of the forgotten is still somewhere, and what of the others is missing where it was."""
    files, tables = everywhere(made, home)
    left = {path: len(found & asked.lost) for path, found in (files | tables).items() if found & asked.lost}
    named = [str(path) for path in byte_search.files_in(home.path, without=home.postgres) if _holds(path, names)]
    before, after = _by_place(asked.files, home), _by_place(files, home)
    # packages, reports and checkpoints are made anew or dropped as a whole
    kept = {place: found for place, found in before.items() if place in KEEPING}
    kept |= {table: found for table, found in asked.tables.items() if table not in ("exports", "pg_stats")}
    there = after | tables
    missing = {
        place: len(gone) for place, found in kept.items() if (gone := found - asked.lost - there.get(place, set()))
    }
    return {"left": left | dict.fromkeys(named, 1), "missing": missing, "raw": _raw(made, home, asked.lost)}


def _holds(path: Path, names: tuple[str, ...]) -> bool:
    return any(name.encode() in content for name in names for content in byte_search.unpacked(path))


def _by_place(files: Found, home: Home) -> Found:
    """Tweets by the folder below the state folder, or "elsewhere"."""
    places: Found = {}
    for path, found in files.items():
        below = Path(path).relative_to(home.path).parts[0] if Path(path).is_relative_to(home.path) else "elsewhere"
        places[below] = places.get(below, set()) | found
    return places


def _raw(made: planted.Installation, home: Home, lost: set[int]) -> dict[str, int]:
    """Files of Postgres, the write-ahead log included, that hold a word or a written id of what was forgotten."""
    checkpoint(home, made)
    found = byte_search.in_files([home.postgres], byte_search.needles(made.tweets))
    return {str(Path(path).relative_to(home.postgres)): len(ids & lost) for path, ids in found.items() if ids & lost}


def checkpoint(home: Home, made: planted.Installation) -> None:
    """What the checkpoints of the next minutes do."""
    from sentiment_lib.local import secrets, stack

    password = secrets.read_or_create(home)["postgres_password"]
    name = made.owner.engine.url.database
    root = Store(f"postgresql+psycopg://postgres:{password}@127.0.0.1:{stack.ports().postgres}/{name}")
    with root.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for _ in range(2):
            connection.exec_driver_sql("SELECT pg_switch_wal()")
            connection.exec_driver_sql("CHECKPOINT")
    root.close()


def in_restored(
    folder: Path, made: planted.Installation, backup: Backup, identity: Path, lost: set[int]
) -> dict[str, Any]:
    """Restore the backup into a bare folder, let the DAG's step replace models, and search every byte of it."""
    ports = {f"SENTIMENT_PORT_{name}": str(free_port()) for name in ("AIRFLOW", "MLFLOW", "POSTGRES", "API")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SENTIMENT_")}
    command = [sys.executable, "-m", "sentiment_lib.cli", "restore", str(made.settings.backups / backup.name)]
    done = subprocess.run(
        [*command, "--identity", str(identity), "--json"],
        env={**kept, **ports, "SENTIMENT_HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"sentiment restore: {done.stderr[-2000:]}")
    problems = json.loads(done.stdout)["verified"]["problems"]
    with stores.running(folder) as home:
        restored = stores.opened(home, made.tweets, made.settings.policy)
        restored.exported = made.exported
        result = forget.run(restored.store, restored.settings)
        files, tables = everywhere(restored, home)
        raw = _raw(restored, home, lost)
        problems += verify.run(restored.store, restored.settings).problems
        stores.close(restored)
    left = {path: len(ids & lost) for path, ids in (files | tables).items() if ids & lost}
    return {"left": left, "raw": raw, "tweets": tables.get("tweets", set()), "problems": problems, "done": result.done}


def receipts(made: planted.Installation, asked: Forgotten) -> dict[str, Any]:
    """Whether both receipts are whole: places, backups, and no word of the content."""
    with made.store.begin() as connection:
        told = [receipt.of_request(connection, number) for number in asked.requests]
        exported = [receipt.export(connection, made.settings, number) for number in asked.requests]
    written = json.dumps([told, exported], default=str)
    rows = [next(row for row in one["ledger"] if row["kind"] == "erasure") for one in told]
    return {
        "states": [one["state"] for one in told],
        "places": len(rows[0]["searched"]),
        "found_in": sorted(name for name, count in rows[0]["found"].items() if count),
        "backups": [len(row["backups"]) for row in rows],
        "speaks": AUTHOR in written or any(t.word in written or str(t.tweet_id) in written for t in made.tweets),
        "problems": [problem for one in exported for problem in receipt.problems(one, made.settings.key_ring)],
        "exported": exported,
    }
