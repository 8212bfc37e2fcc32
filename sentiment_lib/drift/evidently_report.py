"""Evidently's HTML reports of drift signals and data quality; for reading only, no verdict depends on them.

The only module that imports Evidently. Metrics and the data definition are explicit: the preset computes everything up
to three times and guesses column types.
"""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import Any

import pandas as pd

from sentiment_lib.drift.signals import CONTINUOUS, DISCRETE
from sentiment_lib.errors import MissingExtra
from sentiment_lib.files import replace_atomically, write_atomically
from sentiment_lib.text.limits import LONGEST_TEXT

os.environ.setdefault("DO_NOT_TRACK", "1")  # no telemetry


def write_html(reference: pd.DataFrame, current: pd.DataFrame, path: Path) -> dict[str, float]:
    """Write one self-contained HTML file; returns Evidently's drift score of each signal.

    Both frames have the columns of `signals.compute_signals`, without texts. The file is replaced atomically. Raises
    MissingExtra without Evidently.
    """
    snapshot = run(reference, current)
    with replace_atomically(path) as draft:
        snapshot.save_html(str(draft))
    write_atomically(path.with_suffix(".json"), snapshot.json())
    return {
        metric["config"]["column"]: float(metric["value"])
        for metric in snapshot.dict()["metrics"]
        if "config" in metric
    }


def run(reference: pd.DataFrame, current: pd.DataFrame) -> Any:
    """Evidently's snapshot with a ValueDrift for each signal present in both frames. Raises MissingExtra without it."""
    try:
        from evidently import Report
        from evidently.metrics import ValueDrift
    except ImportError as error:
        raise MissingExtra(what="The drift report", package="evidently", extra="drift") from error
    usable = _usable(reference, current)
    return Report([ValueDrift(column=name) for name in usable]).run(
        _dataset(current, usable), _dataset(reference, usable)
    )


def count_drifted(reference: pd.DataFrame, current: pd.DataFrame) -> tuple[int, int]:
    """(signals that drift, all signals) by Evidently's own choice of tests and thresholds. Raises MissingExtra."""
    try:
        from evidently import Report
        from evidently.metrics import DriftedColumnsCount
    except ImportError as error:
        raise MissingExtra(what="The drift preset", package="evidently", extra="drift") from error
    usable = _usable(reference, current)
    if not usable:
        return 0, 0
    snapshot = Report([DriftedColumnsCount(columns=usable)]).run(_dataset(current, usable), _dataset(reference, usable))
    return round(float(snapshot.dict()["metrics"][0]["value"]["count"])), len(usable)


def _usable(reference: pd.DataFrame, current: pd.DataFrame) -> list[str]:
    return [name for name in CONTINUOUS + DISCRETE if all(_varies(frame, name) for frame in (reference, current))]


def _dataset(frame: pd.DataFrame, usable: list[str]) -> Any:
    """Evidently's data set of these signals, with explicit types."""
    from evidently import DataDefinition, Dataset

    numbers = [name for name in usable if name in CONTINUOUS]
    classes = [name for name in usable if name in DISCRETE]
    plain = frame[usable].astype(dict.fromkeys(numbers, float) | dict.fromkeys(classes, str))
    for name in classes:
        # Evidently writes categories into its page as they are: markup in an airline's name would run there
        plain[name] = plain[name].map({value: html.escape(value) for value in plain[name].unique()})
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=classes)
    return Dataset.from_pandas(plain, data_definition=definition)


def write_quality(frame: pd.DataFrame, path: Path) -> dict[str, bool]:
    """Evidently's data-quality tests of a batch (tweet_id, text): name -> passed. Raises MissingExtra without it."""
    try:
        from evidently import DataDefinition, Dataset, Report
        from evidently.metrics import DuplicatedRowCount, MaxValue, MinValue, MissingValueCount, RowCount
        from evidently.tests import eq, gte, lte
    except ImportError as error:
        raise MissingExtra(what="The data-quality report", package="evidently", extra="drift") from error
    texts = frame["text"]
    plain = pd.DataFrame({"characters": texts.str.len().astype(float), "tweet_id": frame["tweet_id"].astype(str)})
    definition = DataDefinition(numerical_columns=["characters"], categorical_columns=["tweet_id"])
    tests = [
        RowCount(tests=[gte(1)]),
        MissingValueCount(column="characters", tests=[eq(0)]),
        MinValue(column="characters", tests=[gte(1)]),
        MaxValue(column="characters", tests=[lte(LONGEST_TEXT)]),
        DuplicatedRowCount(tests=[eq(0)]),
    ]
    snapshot = Report(tests).run(Dataset.from_pandas(plain, data_definition=definition), None)
    path.parent.mkdir(parents=True, exist_ok=True)
    snapshot.save_html(str(path))
    return {str(test["name"]): str(test["status"]).upper().endswith("SUCCESS") for test in snapshot.dict()["tests"]}


def _varies(frame: pd.DataFrame, name: str) -> bool:
    return name in frame and bool(frame[name].notna().any())
