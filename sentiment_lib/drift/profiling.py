"""Figures for a first look at labelled tweets. Pure: a frame in, tables out.

The frame has text and label, and may have tweet_id, airline, language and created_at (aware).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sentiment_lib.drift.drivers import STOP
from sentiment_lib.records import LABELS
from sentiment_lib.statistics.two_sample_tests import word_shares
from sentiment_lib.text.tokens import words

NAMES = [str(name) for name in LABELS]


def shares(frame: pd.DataFrame, by: pd.Series) -> pd.DataFrame:
    """Rows and label shares for each value of `by`, in its order."""
    table = pd.crosstab(by, frame["label"]).reindex(columns=NAMES, fill_value=0)
    counts = table.sum(axis=1)
    out = table.div(counts, axis=0)
    out.insert(0, "tweets", counts)
    return out


def tables(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Label shares overall, by day, hour, airline and language, where the columns exist."""
    found = {"all": shares(frame, pd.Series("all", index=frame.index))}
    if "created_at" in frame:
        at = pd.to_datetime(frame["created_at"], utc=True)
        found["day"] = shares(frame, at.dt.strftime("%Y-%m-%d"))
        found["hour (UTC)"] = shares(frame, at.dt.hour)
    for name in ("airline", "language"):
        if name in frame and frame[name].notna().any():
            found[name] = shares(frame, frame[name].fillna("none"))
    return found


def lengths(frame: pd.DataFrame) -> pd.DataFrame:
    """Quantiles of the number of characters for each label."""
    size = frame["text"].str.len().groupby(frame["label"]).quantile(np.array([0.05, 0.25, 0.5, 0.75, 0.95])).unstack()
    return size.reindex(NAMES).dropna(how="all").astype(int)


def telling_words(frame: pd.DataFrame, most: int = 15) -> dict[str, list[tuple[str, float, float]]]:
    """For each label the words that tell it best: (word, share of its tweets, share of the others)."""
    sets = [set(words(text)) - STOP for text in frame["text"]]
    found = {}
    for name in NAMES:
        mine = [one for one, label in zip(sets, frame["label"], strict=True) if label == name]
        others = [one for one, label in zip(sets, frame["label"], strict=True) if label != name]
        if mine and others:
            told = [one for one in word_shares(others, mine) if one[2] > one[1]]
            found[name] = [(word, now, before) for word, before, now, _ in told[:most]]
    return found


def duplicates(frame: pd.DataFrame) -> dict[str, int]:
    """Rows that repeat an id or a text, and ids and texts with more than one label."""
    text = frame["text"].str.lower().str.strip()
    facts = {
        "repeated texts": int(text.duplicated().sum()),
        "texts with more than one label": int((frame["label"].groupby(text).nunique() > 1).sum()),
    }
    if "tweet_id" in frame:
        facts["repeated ids"] = int(frame["tweet_id"].duplicated().sum())
        facts["ids with more than one label"] = int((frame.groupby("tweet_id")["label"].nunique() > 1).sum())
    return facts


def doubtful(frame: pd.DataFrame, *, seed: int = 0, most: int = 30) -> pd.DataFrame:  # noqa: ARG001
    """Rows whose label a cross-validated model doubts: confident learning (Northcutt et al. 2021, JAIR 70).

    A row is doubtful when another class has at least the mean confidence that the model has in that class where it is
    the given label. Columns: row, label, suggested, doubt (0..1); empty with fewer than 50 rows of any class.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline

    classes = sorted(frame["label"].unique())
    empty = pd.DataFrame({"row": [], "label": [], "suggested": [], "doubt": []})
    if len(classes) < 2 or frame["label"].value_counts().min() < 50:
        return empty
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), LogisticRegression(C=4, max_iter=300)
    )
    proba = cross_val_predict(model, frame["text"], frame["label"], cv=3, method="predict_proba")
    given = np.array([classes.index(label) for label in frame["label"]])
    limits = np.array([proba[given == number, number].mean() for number in range(len(classes))])
    confident = np.where(proba >= limits, proba, -1)
    suggested = confident.argmax(axis=1)
    rows = np.arange(len(frame))
    hit = (confident.max(axis=1) > 0) & (suggested != given)
    doubt = proba[rows, suggested] - proba[rows, given]
    found: dict[str, Any] = {
        "row": rows[hit],
        "label": np.array(classes)[given[hit]],
        "suggested": np.array(classes)[suggested[hit]],
        "doubt": doubt[hit].round(3),
    }
    out = pd.DataFrame(found).sort_values("doubt", ascending=False)
    out.attrs["all"] = int(hit.sum())
    return out.head(most)
