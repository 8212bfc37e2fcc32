"""Profile of labelled tweets for exploratory analysis. Pure: a frame in, tables out.

The frame has text and true_label, and may have tweet_id, airline, language and created_at (aware).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sentiment_lib.drift.drivers import STOP_WORDS
from sentiment_lib.records import LABELS
from sentiment_lib.statistics.two_sample_tests import word_shares
from sentiment_lib.text.tokens import words

NAMES = [str(name) for name in LABELS]
#: Minimum number of rows of each class for cross-validation.
MIN_ROWS = 50
FOLDS = 3


def label_shares(frame: pd.DataFrame, by: pd.Series) -> pd.DataFrame:
    """Rows (`tweets`) and label shares for each value of `by`, in its order."""
    table = pd.crosstab(by, frame["true_label"]).reindex(columns=NAMES, fill_value=0)
    counts = table.sum(axis=1)
    out = table.div(counts, axis=0)
    out.insert(0, "tweets", counts)
    return out


def label_tables(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Label shares overall, by day, hour, airline and language, where the columns exist."""
    tables = {"all": label_shares(frame, pd.Series("all", index=frame.index))}
    if "created_at" in frame:
        at = pd.to_datetime(frame["created_at"], utc=True)
        tables["day"] = label_shares(frame, at.dt.strftime("%Y-%m-%d"))
        tables["hour (UTC)"] = label_shares(frame, at.dt.hour)
    for name in ("airline", "language"):
        if name in frame and frame[name].notna().any():
            tables[name] = label_shares(frame, frame[name].fillna("none"))
    return tables


def length_quantiles(frame: pd.DataFrame) -> pd.DataFrame:
    """Quantiles of the number of characters for each label."""
    quantiles = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    size = frame["text"].str.len().groupby(frame["true_label"]).quantile(quantiles).unstack()
    return size.reindex(NAMES).dropna(how="all").astype(int)


def characteristic_words(frame: pd.DataFrame, most: int = 15) -> dict[str, list[tuple[str, float, float]]]:
    """For each label its most characteristic words: (word, share of its tweets, share of the others)."""
    sets = [set(words(text)) - STOP_WORDS for text in frame["text"]]
    by_label = {}
    for name in NAMES:
        own = [word_set for word_set, label in zip(sets, frame["true_label"], strict=True) if label == name]
        others = [word_set for word_set, label in zip(sets, frame["true_label"], strict=True) if label != name]
        if own and others:
            overrepresented = [row for row in word_shares(others, own) if row[2] > row[1]]
            by_label[name] = [(word, share, elsewhere) for word, elsewhere, share, _ in overrepresented[:most]]
    return by_label


def count_duplicates(frame: pd.DataFrame) -> dict[str, int]:
    """Rows that repeat an id or a text, and ids and texts with more than one label."""
    text = frame["text"].str.lower().str.strip()
    counts = {
        "repeated texts": int(text.duplicated().sum()),
        "texts with more than one label": int((frame["true_label"].groupby(text).nunique() > 1).sum()),
    }
    if "tweet_id" in frame:
        counts["repeated ids"] = int(frame["tweet_id"].duplicated().sum())
        counts["ids with more than one label"] = int((frame.groupby("tweet_id")["true_label"].nunique() > 1).sum())
    return counts


def find_doubtful_labels(frame: pd.DataFrame, *, seed: int | None = None, most: int = 30) -> pd.DataFrame:
    """Rows whose label a cross-validated model doubts: confident learning (Northcutt et al. 2021, JAIR 70).

    A row is doubtful when another class has at least the mean confidence that the model has in that class where it is
    the given label. The folds follow the order of the rows, or are shuffled by `seed`. Columns: row, label, suggested,
    doubt (0..1), most doubtful first; attrs["all"] is their number before the cut at `most`. Empty with fewer than
    MIN_ROWS rows of any class.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    labels = frame["true_label"]
    classes = sorted(labels.unique())
    empty = pd.DataFrame({"row": [], "label": [], "suggested": [], "doubt": []})
    if len(classes) < 2 or labels.value_counts().min() < MIN_ROWS:
        return empty
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), LogisticRegression(C=4, max_iter=300)
    )
    folds = StratifiedKFold(FOLDS, shuffle=seed is not None, random_state=seed)
    proba = cross_val_predict(model, frame["text"], labels, cv=folds, method="predict_proba")
    given_codes = np.array([classes.index(label) for label in labels])
    thresholds = np.array([proba[given_codes == number, number].mean() for number in range(len(classes))])
    confident = np.where(proba >= thresholds, proba, -1)
    suggested = confident.argmax(axis=1)
    rows = np.arange(len(frame))
    doubtful = (confident.max(axis=1) > 0) & (suggested != given_codes)
    doubt = proba[rows, suggested] - proba[rows, given_codes]
    columns: dict[str, Any] = {
        "row": rows[doubtful],
        "label": np.array(classes)[given_codes[doubtful]],
        "suggested": np.array(classes)[suggested[doubtful]],
        "doubt": doubt[doubtful].round(3),
    }
    out = pd.DataFrame(columns).sort_values("doubt", ascending=False)
    out.attrs["all"] = int(doubtful.sum())
    return out.head(most)
