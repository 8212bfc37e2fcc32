"""Coverage of the intervals of the share of negative tweets by airline and day, on real tweets with true labels.

    python -m benchmarks.share_coverage [--quick] [--check]

VADER and a tf-idf model trained on the first three days of the airline week predict the last five. Again and again a
random share of the tweets is labelled as an audit sample, and the intervals are compared with the true shares: of each
airline on each day, of each airline, of each day, and of all tweets; the same with a fifth of the tweets replaced by
copies of others, in clusters of 10 on one day. Bound: each kind of interval covers at least 90 %,
for both models and every size of the sample. Needs ../shared/data, or SENTIMENT_BENCHMARK_DATA; says so and ends with 0
without it. Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from benchmarks import real_predictions
from sentiment_lib.statistics import share_estimates
from sentiment_lib.statistics.share_estimates import GroupCounts

BOUND = 0.90
SPLIT = "2015-02-20"
WITH_COPIES, CLUSTER = "with copies", 10
AUDIT_SHARES = (0.01, 0.02, 0.05, 0.1)
KINDS = ("airline and day", "airline", "day", "all")
Floats = NDArray[np.float64]


def main() -> None:
    """Measure, and with --check exit 1 when a coverage is too low."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="40 audit samples of each size instead of 400")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    file = real_predictions.DATA / "us_airline_tweets.csv"
    if not file.exists():
        print(f"{file} is not here: nothing was measured")
        print(json.dumps({"benchmark": "share_coverage", "skipped": True}))
        return
    later, predictions = _predict(pd.read_csv(file, dtype={"tweet_id": str}).drop_duplicates("tweet_id"))
    airlines = later["airline"].astype("category").cat.codes.to_numpy()
    days = later["day"].astype("category").cat.codes.to_numpy()
    true = (later["airline_sentiment"] == "negative").to_numpy(float)
    found, rounds = [], 40 if chosen.quick else 400
    rows = _copied(airlines, days)
    for model, predicted in predictions.items():
        for share in AUDIT_SHARES:
            found += _coverage(model, predicted, true, airlines, days, share, rounds)
        world = f"{model} {WITH_COPIES}"
        found += _coverage(world, predicted[rows], true[rows], airlines, days, 0.05, rounds, rows)
    worst = min(row["coverage"] for row in found)
    print(json.dumps({"benchmark": "share_coverage", "rows": found, "worst": worst, "bound": BOUND}))
    raise SystemExit(1 if chosen.check and worst < BOUND else 0)


def _predict(tweets: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Floats]]:
    """The later tweets, and by model 1 for those predicted negative."""
    tweets = tweets.assign(day=pd.to_datetime(tweets["tweet_created"], utc=True).dt.date.astype(str))
    earlier, later = tweets[tweets["day"] < SPLIT], tweets[tweets["day"] >= SPLIT]
    model = real_predictions.tfidf().fit(earlier["text"], earlier["airline_sentiment"])
    vader = SentimentIntensityAnalyzer()
    scores = [vader.polarity_scores(text.replace("@", "user"))["compound"] for text in later["text"]]
    return later, {
        "tf-idf": (model.predict(later["text"]) == "negative").astype(float),
        "VADER": (np.array(scores) < -0.05).astype(float),
    }


def _copied(airlines: Floats, days: Floats) -> NDArray[np.int64]:
    """For each row the one whose text it has: a fifth repeat one of the same airline and day, ten rows each."""
    random = np.random.default_rng(2)
    texts = np.arange(airlines.size)
    for cell in np.unique(np.stack([airlines, days]), axis=1).T:
        rows = random.permutation(np.flatnonzero((airlines == cell[0]) & (days == cell[1])))
        for first in range(0, len(rows) // 5 - CLUSTER + 1, CLUSTER):
            texts[rows[first : first + CLUSTER]] = rows[first]
    return texts


def _coverage(
    model: str,
    predicted: Floats,
    true: Floats,
    airlines: Floats,
    days: Floats,
    share: float,
    rounds: int,
    texts: NDArray[np.int64] | None = None,
) -> list[dict[str, object]]:
    """A row for each kind of interval: mean coverage, mean width, and the same of the uncorrected share's error."""
    random = np.random.default_rng(1)
    shape = (int(airlines.max()) + 1, int(days.max()) + 1)

    def add(values: Floats) -> Floats:
        total = np.zeros(shape)
        np.add.at(total, (airlines, days), values)
        return total

    texts = np.arange(true.size) if texts is None else texts

    def squared(values: Floats) -> Floats:
        """Sums of the squares of the texts' sums; a text is of one airline and day."""
        each = np.bincount(texts, weights=values, minlength=true.size)
        return add(each**2)

    rows, members = add(np.ones_like(true)), add(true)
    copies = squared(np.ones_like(true))
    truths = [
        members / rows,
        members.sum(1) / rows.sum(1),
        members.sum(0) / rows.sum(0),
        np.array([members.sum() / rows.sum()]),
    ]
    covered, widths = defaultdict(list), defaultdict(list)
    for _ in range(rounds):
        labelled = (random.random(true.size) < share).astype(float)
        weights, errors = labelled / share, true - predicted
        counts = GroupCounts(
            rows=rows,
            predicted=add(predicted),
            labels=add(labelled),
            weights=add(weights),
            squared_weights=squared(weights),
            errors=add(weights * errors),
            squared_errors=add(weights * errors**2),
            squared_copies=copies,
        )
        for kind, estimated, truth in zip(KINDS, share_estimates.estimate_shares(counts), truths, strict=True):
            assert estimated.low is not None
            assert estimated.high is not None
            covered[kind].append(float(((estimated.low <= truth) & (truth <= estimated.high)).mean()))
            widths[kind].append(float((estimated.high - estimated.low).mean()))
    result = []
    for kind in KINDS:
        coverage, width = float(np.mean(covered[kind])), float(np.mean(widths[kind]))
        print(f"{model:7} {share:5.0%} labelled, {kind:16} coverage {coverage:.3f}, mean width {width:.3f}", flush=True)
        row = {"model": model, "labelled": share, "interval": kind}
        result.append({**row, "coverage": round(coverage, 4), "width": round(width, 4)})
    return result


if __name__ == "__main__":
    main()
