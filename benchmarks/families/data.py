"""Data sets for the comparison: real tweets, split by time, without repeated ids and texts."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from sentiment_lib.records import LABEL_CODES, LABELS

DATA = Path(os.environ.get("SENTIMENT_BENCHMARK_DATA", Path(__file__).parents[3] / "shared" / "data"))
AIRLINE, SEMEVAL, TWEETEVAL = (
    "us_airline_tweets.csv",
    "semeval_2013_2016_tweets.csv.gz",
    "tweeteval_sentiment_val.csv",
)
#: First day of the airline week that is tested on.
TESTED_FROM = "2015-02-23"
#: Newest share of SemEval that is tested on.
LATEST = 0.1
NAMES = ("airline", "semeval", "tweeteval", "airline_random", "semeval_before_airline", "made_up")


@dataclass(frozen=True, kw_only=True)
class Split:
    """Texts in the order of time, and labels (n,) as places in LABELS; the test part is later than the other."""

    name: str
    train_texts: list[str]
    train_labels: np.ndarray
    test_texts: list[str]
    test_labels: np.ndarray

    def shortened(self, train: int, test: int) -> Split:
        """The newest rows to learn from, the oldest to be tested on."""
        return replace(
            self,
            train_texts=self.train_texts[-train:],
            train_labels=self.train_labels[-train:],
            test_texts=self.test_texts[:test],
            test_labels=self.test_labels[:test],
        )


def split(name: str) -> Split:
    """One of NAMES; SystemExit with a plain message without the file."""
    if name == "made_up":
        return _made_up()
    if name == "tweeteval":
        learned, tested = _semeval(), _read(TWEETEVAL)
        return _split(name, pd.concat([learned, tested]), len(learned))
    if name in ("semeval", "semeval_before_airline"):
        frame = _semeval()
        if name == "semeval":
            return _split(name, frame, len(frame) - int(len(frame) * LATEST))
        # what came later than the airline's last day of training would not have been known then
        frame = frame[frame.created_at_utc < TESTED_FROM]
        return _split(name, frame, len(frame))
    frame = _airline()
    earlier = int((frame.tweet_created < TESTED_FROM).sum())
    if name == "airline_random":
        frame = frame.iloc[np.random.default_rng(0).permutation(len(frame))]
    return _split(name, frame, earlier)


def there(name: str) -> bool:
    """Whether the files of this set are on this machine."""
    wanted = {"made_up": (), "tweeteval": (SEMEVAL, TWEETEVAL), "semeval": (SEMEVAL,), "airline": (AIRLINE,)}
    return all((DATA / file).is_file() for file in wanted.get(name, (AIRLINE, SEMEVAL)))


def _airline() -> pd.DataFrame:
    frame = _read(AIRLINE).rename(columns={"airline_sentiment": "label"})
    # newest first in the file; the older of two equal tweets stays, so that no tested text was learned from
    frame = frame.sort_values(["tweet_created", "tweet_id"])
    return frame.drop_duplicates("tweet_id").drop_duplicates("text")


def _semeval() -> pd.DataFrame:
    return _read(SEMEVAL).sort_values(["created_at_utc", "tweet_id"]).drop_duplicates("text")


def _read(file: str) -> pd.DataFrame:
    if not (DATA / file).is_file():
        raise SystemExit(f"{DATA / file} is needed; set SENTIMENT_BENCHMARK_DATA to the folder that has it")
    return pd.read_csv(DATA / file, dtype={"tweet_id": str})


def _made_up() -> Split:
    """Short sentences whose words give their label away: for a machine without the data."""
    draw = np.random.default_rng(0)
    words = {
        0: ("delayed again", "lost my bag", "worst crew ever", "still on hold", "cancelled and no help"),
        1: (
            "when does boarding start",
            "is there a seat",
            "which gate is it",
            "do you fly to Boston",
            "see you at ten",
        ),
        2: ("thank you", "wonderful crew", "love this airline", "best flight ever", "great service"),
    }
    labels = draw.choice(3, 2000, p=(0.6, 0.2, 0.2))
    texts = [f"@united {draw.choice(words[label])} number {draw.integers(1000)}" for label in labels.tolist()]
    frame = pd.DataFrame({"text": texts, "label": [str(LABELS[label]) for label in labels]}).drop_duplicates("text")
    return _split("made_up", frame, int(len(frame) * 0.7))


def _split(name: str, frame: pd.DataFrame, learned: int) -> Split:
    texts = frame.text.to_list()
    labels = frame.label.map(LABEL_CODES).to_numpy(dtype=np.int64)
    return Split(
        name=name,
        train_texts=texts[:learned],
        train_labels=labels[:learned],
        test_texts=texts[learned:],
        test_labels=labels[learned:],
    )
