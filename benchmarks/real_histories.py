"""The labelled histories that benchmarks of the replay lab read, from the folder SENTIMENT_BENCHMARK_DATA."""

from __future__ import annotations

from benchmarks.real_predictions import DATA
from scripts.replay_demo import SENTIMENT140_END, Demo
from sentiment_lib.replay.history import History

HISTORIES = (
    Demo("airline, day", "us_airline_tweets.csv", "airline", "day"),
    Demo("airline, 500 rows", "us_airline_tweets.csv", "airline", "500 rows"),
    Demo(
        "sentiment140, 12 blocks",
        "sentiment140_sample.csv.gz",
        "sentiment140",
        "12 blocks",
        SENTIMENT140_END,
    ),
    Demo("semeval, 12 blocks", "semeval_2013_2016_tweets.csv.gz", "semeval", "12 blocks"),
)


def read(history: Demo) -> History | None:
    """Its labelled tweets; None when the file is not there."""
    return history.read(DATA) if (DATA / history.file).exists() else None
