"""Predictions of real models on real tweets, and resampled pools with an exact difference between two models."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline, make_union

from sentiment_lib.evaluation import metric_influence
from sentiment_lib.evaluation.slices import document_frequencies, slice_masks
from sentiment_lib.statistics import paired_counts
from sentiment_lib.statistics.metrics import confusion_matrix

DATA = Path(os.environ.get("SENTIMENT_BENCHMARK_DATA", Path(__file__).parents[2] / "shared" / "data"))
CLASS_OF = {"negative": 0, "neutral": 1, "positive": 2}


@dataclass(frozen=True)
class Scored:
    """Labels (n,) of the newest rows of a data set, and each model's probabilities (n, 3) for them."""

    name: str
    labels: np.ndarray
    proba: dict[str, np.ndarray]
    #: name -> mask (n,)
    slices: dict[str, np.ndarray]

    def classes(self, model: str) -> np.ndarray:
        """Classes (n,) of one model."""
        return self.proba[model].argmax(axis=1)


def scored(name: str) -> Scored:
    """Train on the older rows, score the newer ones. SystemExit with a plain message without the data."""
    texts, labels, split = _rows(name)
    train, y = np.arange(split), labels[:split]
    odd, even = train[train % 2 == 1], train[train % 2 == 0]
    proba = {}
    for model, rows, build in (
        ("tf-idf, odd rows", odd, tfidf),
        ("tf-idf, even rows", even, tfidf),
        ("tf-idf", train, tfidf),
        ("counts", train, _counts),
        ("naive Bayes", train, _bayes),
        ("words and characters", train, _characters),
    ):
        fitted = build().fit([texts[row] for row in rows], y[rows])
        proba[model] = fitted.predict_proba(texts[split:])
    held = texts[split:]
    handles = (re.search(r"@(united|americanair|southwestair|jetblue|usairways|virginamerica)", t, re.I) for t in held)
    airlines = [found[1].lower() if found else None for found in handles]
    masks = slice_masks(held, airlines=airlines, train_counts=document_frequencies(texts[:split]))
    return Scored(name, labels[split:], proba, masks)


def thinned(labels, champion, candidate, target: float, *, metric: str, seed: int) -> np.ndarray:
    """Rows (k,) in which the candidate leads by `target`, or just less: rows that one model wins are taken out.

    The rows stay real, and so do their disagreements; only the share of wins changes.
    """
    gradient = metric_influence.metric_gradient(confusion_matrix(labels, champion), metric)
    gain = metric_influence.row_gains(labels, champion, candidate, gradient)

    def lead(rows):
        return float(
            paired_counts.difference(paired_counts.count_pairs(labels[rows], champion[rows], candidate[rows]), metric)
        )

    every = np.arange(labels.size)
    above = lead(every) > target
    removable = np.random.default_rng(seed).permutation(np.flatnonzero(gain > 0 if above else gain < 0))
    low, high = 0, removable.size
    while low < high:
        middle = (low + high) // 2
        found = lead(np.setdiff1d(every, removable[:middle]))
        enough = found <= target if above else found > target
        low, high = (low, middle) if enough else (middle + 1, high)
    return np.setdiff1d(every, removable[: low if above else max(low - 1, 0)])


def _rows(name: str) -> tuple[list[str], np.ndarray, int]:
    file = DATA / {"airline": "us_airline_tweets.csv", "semeval": "semeval_2013_2016_tweets.csv.gz"}[name]
    if not file.exists():
        raise SystemExit(f"{file} is needed for this benchmark; set SENTIMENT_BENCHMARK_DATA to the folder that has it")
    if name == "airline":
        frame = pd.read_csv(file, dtype={"tweet_id": str}).drop_duplicates("tweet_id")
        # the file is in blocks of one airline each, newest first
        frame = frame.sort_values(["tweet_created", "tweet_id"])
        frame = frame.rename(columns={"airline_sentiment": "label"})
        split = int((frame.tweet_created < "2015-02-23").sum())
    else:
        frame = pd.read_csv(file, dtype={"tweet_id": str}).iloc[-24_000:]
        split = 16_000
    texts = frame.text.str.replace(r"http\S+", "http", regex=True).to_list()
    return texts, frame.label.map(CLASS_OF).to_numpy(), split


def tfidf():
    """Untrained tf-idf of words and pairs of words, with a linear model."""
    return make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2), _linear(4))


def _counts():
    return make_pipeline(CountVectorizer(ngram_range=(1, 2), min_df=2, binary=True), _linear(0.3))


def _bayes():
    return make_pipeline(CountVectorizer(ngram_range=(1, 2), min_df=2, binary=True), MultinomialNB(alpha=0.3))


def _characters():
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, min_df=5)
    return make_pipeline(make_union(words, letters), _linear(4))


def _linear(strength: float):
    return LogisticRegression(C=strength, max_iter=300, class_weight="balanced", random_state=0)
