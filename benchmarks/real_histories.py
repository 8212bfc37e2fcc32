"""The labelled histories that benchmarks of the replay lab read, from the folder SENTIMENT_BENCHMARK_DATA."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.real_predictions import DATA
from sentiment_lib.replay.history import History
from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.replay import read_history


@dataclass(frozen=True)
class RealHistory:
    """One history and how it is divided."""

    title: str
    file: str
    preset: str
    blocks: str
    #: the day after the last one
    until: datetime | None = None


#: After 15 June Sentiment140 has negative tweets only.
HISTORIES = (
    RealHistory("airline, day", "us_airline_tweets.csv", "airline", "day"),
    RealHistory("airline, 500 rows", "us_airline_tweets.csv", "airline", "500 rows"),
    RealHistory(
        "sentiment140, 12 blocks",
        "sentiment140_sample.csv.gz",
        "sentiment140",
        "12 blocks",
        datetime(2009, 6, 16, tzinfo=UTC),
    ),
    RealHistory("semeval, 12 blocks", "semeval_2013_2016_tweets.csv.gz", "semeval", "12 blocks"),
)


def read(history: RealHistory) -> History | None:
    """Its labelled tweets; None when the file is not there."""
    path = DATA / history.file
    if not path.exists():
        return None
    return read_history.from_file(FileSource(path, history.preset), history.preset, until=history.until)
