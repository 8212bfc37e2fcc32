"""The replay lab decides what the steps of production decide: the same history through both, in simulated time."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from benchmarks import full_replay
from benchmarks.invented_tweets import EASY, invent
from benchmarks.simulated_database import SimulatedTime
from sentiment_lib.replay import blocks, cube, production, simulation
from sentiment_lib.replay.cell import Recipe
from sentiment_lib.replay.judge import Judge
from sentiment_lib.settings import Settings
from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.replay import read_history
from sentiment_lib.storage.engine import Store
from tests.loop.conftest import with_policy

#: Long ago, so that a step that took the machine's time would decide differently.
START = datetime(2015, 2, 17, tzinfo=UTC)
RECIPE = Recipe(family="count_logreg", options={"c": 0.3})
#: None that reads audit labels: a file has none.
RULES = {"calendar": False, "new_labels": 390, "price_errors": 1.0, "quality_drop": 0.99}


def write_history(path: Path, rows: int = 1200, days: int = 6) -> Path:
    """Labelled tweets of some days; from the third day on their words are others."""
    draw, found = random.Random(11), []
    for number in range(rows):
        label, words = invent(draw, number)
        if number >= 2 * rows // days:
            words = " ".join(f"{word}ly" for word in words.split())
        if draw.random() < 0.2:
            label = draw.choice(["negative", "neutral", "positive"])
        moment = START + number * timedelta(days=days) / rows
        found.append({"tweet_id": number + 1, "text": words, "created_at": moment.isoformat(), "label": label})
    pd.DataFrame(found).to_csv(path, index=False)
    return path


def test_the_cube_and_the_steps_of_production_decide_the_same(settings: Settings, database_url, tmp_path):
    # a key that is as old as the history: what is signed before a key was made does not count
    settings = with_policy(
        settings.model_copy(update={"signing_keys": tmp_path / "keys"}),
        gate=EASY.model_dump() | {"refresh_margin": 0.02},
        retrain={
            "families": (RECIPE.family,),
            "options": {RECIPE.family: dict(RECIPE.options)},
            "minimum_rows": 60,
            **RULES,
        },
        drift={"retrain_on": "never"},
    )
    time = SimulatedTime(database_url)
    source = write_history(tmp_path / "history.csv")
    history = read_history.from_file(FileSource(source), "history")
    parts = blocks.parse(history, "day")
    replayed = cube.build(history, parts, RECIPE, settings.policy, tmp_path / "cells")
    policy = production.configured(settings.policy)
    price = simulation.Conditions(price=settings.policy.retrain.price_errors)
    run = simulation.simulate(replayed, policy, price, judge=Judge(replayed, settings.policy.gate))
    expected = full_replay.of_cube(replayed, run)

    numbers = [history.tweet_id[part.start : part.end].tolist() for part in parts]
    files = [FileSource(path) for path in full_replay.split_file(source, "tweet_id", numbers, tmp_path)]
    store = Store(database_url, key_ring=settings.key_ring, tombstones=settings.tombstones)
    found = list(full_replay.run(store, settings, time, parts, files))
    store.close()
    assert full_replay.differences(expected, found) == []
    reasons = [event.reason for event in run.events]
    assert [one.block for one in found] == [1, 2, 4]
    assert "waiting" in reasons[0]
    assert "labels are new" in reasons[1]
    assert [(one.answer, one.promoted) for one in found[1:]] == [("HOLD", False), ("PROMOTE", True)]
