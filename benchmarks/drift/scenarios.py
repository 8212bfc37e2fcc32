"""Windows of real tweets, undisturbed and with injected drift."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from sentiment_lib.text.tokens import words

NAMES = ("negative", "neutral", "positive")
SLANG = ("skibidi", "rizzless", "yeetcore", "delulu", "gyatt")


def _masked(text: pd.Series) -> pd.Series:
    return text.str.replace(r"https?://\S+", "http", regex=True).str.replace(r"@\w+", "@user", regex=True)


@lru_cache(maxsize=1)
def airline(data: Path) -> pd.DataFrame:
    """Airline tweets in time order: tweet_id, text, true_label, airline, day (local)."""
    raw = pd.read_csv(data / "us_airline_tweets.csv", dtype={"tweet_id": str}).drop_duplicates("tweet_id")
    raw = raw.sort_values("tweet_created")
    return pd.DataFrame(
        {
            "tweet_id": raw["tweet_id"],
            "text": _masked(raw["text"]),
            "true_label": raw["airline_sentiment"],
            "airline": raw["airline"],
            "day": raw["tweet_created"].str[8:10].astype(int),
        }
    ).reset_index(drop=True)


@lru_cache(maxsize=1)
def semeval(data: Path) -> pd.DataFrame:
    """SemEval tweets in time order: text, true_label, year, month."""
    raw = pd.read_csv(data / "semeval_2013_2016_tweets.csv.gz", dtype={"tweet_id": str})
    at = raw["created_at_utc"].str
    return pd.DataFrame(
        {
            "tweet_id": raw["tweet_id"],
            "text": _masked(raw["text"]),
            "true_label": raw["label"],
            "month": at[:7],
            "year": at[:4].astype(int),
        }
    )


@lru_cache(maxsize=1)
def sentiment140(data: Path) -> pd.DataFrame:
    """Sentiment140 tweets in time order: text, true_label, day."""
    raw = pd.read_csv(data / "sentiment140_sample.csv.gz", dtype={"id": str})
    labels = raw["polarity"].map({0: "negative", 4: "positive"})
    return pd.DataFrame({"text": _masked(raw["text"]), "true_label": labels, "day": raw["created_at_utc"].str[:10]})


def model(frame: pd.DataFrame) -> Pipeline:
    """A linear model of words 1-2, balanced."""
    return make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
        LogisticRegression(C=4, max_iter=300, class_weight="balanced"),
    ).fit(frame["text"], frame["true_label"])


def scored(frame: pd.DataFrame, by: Pipeline) -> pd.DataFrame:
    """The frame with the model's probabilities and label."""
    proba = by.predict_proba(frame["text"])
    out = frame.reset_index(drop=True).copy()
    for column, name in enumerate(NAMES):
        out[f"p_{name}"] = proba[:, column]
    out["predicted_label"] = np.array(NAMES)[proba.argmax(axis=1)]
    return out


def known_words(frame: pd.DataFrame) -> frozenset[str]:
    """Words of the newest thousand rows: the vocabulary that Evidently's signals are given."""
    return frozenset(word for text in frame["text"][-1000:] for word in words(text))


def arrays(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Labels as integers, and probabilities (n, 3)."""
    labels = frame["true_label"].map({name: number for number, name in enumerate(NAMES)}).to_numpy(int)
    return labels, frame[[f"p_{name}" for name in NAMES]].to_numpy(float)


@lru_cache(maxsize=1)
def general(data: Path) -> Pipeline:
    """A model trained on SemEval tweets, which no window contains."""
    return model(semeval(data).sample(8000, random_state=0))


@lru_cache(maxsize=1)
def pool(data: Path) -> pd.DataFrame:
    """All tweets that the general model was not trained on, scored."""
    rest = semeval(data).drop(semeval(data).sample(8000, random_state=0).index)
    both = pd.concat([rest, airline(data), sentiment140(data)])
    both = both[["text", "airline"]]
    return scored(both, general(data))


#: name, reference, undisturbed windows, drifted windows, and these as they were before the change (none: real drift)
Scenario = tuple[str, pd.DataFrame, list[pd.DataFrame], list[pd.DataFrame], list[pd.DataFrame]]


def every(data: Path, *, windows: int, size: int) -> Iterator[Scenario]:
    """Every change, with windows of `size` tweets."""
    draw = partial(_draw, size=size)
    yield _storm(data, windows, draw)
    yield from _years(data, windows, draw)
    yield _label_shift(data, windows, draw)
    yield from _injected(data, windows, draw)


def blocks(data: Path) -> Iterator[tuple[str, pd.DataFrame, list[tuple[str, pd.DataFrame]]]]:
    """(name, labelled rows to calibrate on, later blocks in time order): airline days, SemEval half-years."""
    tweets = airline(data)
    by = model(tweets[tweets["day"] <= 18])
    days = {day: scored(tweets[tweets["day"] == day], by) for day in range(19, 25)}
    yield "airline", days[19], [(f"{day} February", days[day]) for day in range(20, 25)]
    tweets = semeval(data)
    by = model(tweets[tweets["month"] < "2012-01"])
    later = tweets[tweets["month"] >= "2012-01"]
    months = later["month"].str[:4] + np.where(later["month"].str[5:].astype(int) <= 6, " H1", " H2")
    parts = [(name, scored(part, by)) for name, part in later.groupby(months) if len(part) >= 400]
    yield "SemEval", parts[0][1], parts[1:]


Draw = Callable[[pd.DataFrame, int, int], list[pd.DataFrame]]


def _draw(frame: pd.DataFrame, windows: int, seed: int, *, size: int) -> list[pd.DataFrame]:
    random = np.random.default_rng(seed)
    return [frame.iloc[random.choice(len(frame), min(size, len(frame)), replace=False)] for _ in range(windows)]


def _split(frame: pd.DataFrame, windows: int, draw: Draw) -> tuple[pd.DataFrame, list[pd.DataFrame], pd.DataFrame]:
    """Reference half, undisturbed windows of the other half, and that other half."""
    order = np.random.default_rng(7).permutation(len(frame))
    half = frame.iloc[order[: len(frame) // 2]]
    other = frame.iloc[order[len(frame) // 2 :]]
    # enough for a 95 % quantile that is one
    return half, draw(other, 20 if windows < 20 else 200, 8), other


def _storm(data: Path, windows: int, draw: Draw):
    tweets = airline(data)
    by = model(tweets[tweets["day"] <= 18])
    rest = scored(tweets[tweets["day"] >= 19], by).drop(columns="true_label")
    reference, calm, _ = _split(rest[rest["day"] <= 20], windows, draw)
    storm = rest[(rest["day"] >= 21) & (rest["day"] <= 23)]
    return "storm of 21-23 February", reference, calm, draw(storm, windows, 9), []


def _years(data: Path, windows: int, draw: Draw):
    tweets = scored(semeval(data).drop(semeval(data).sample(8000, random_state=0).index), general(data))
    tweets = tweets.drop(columns="true_label")
    reference, calm, _ = _split(tweets[tweets["year"] <= 2012], windows, draw)
    for year in (2014, 2015):
        yield f"SemEval 2012 to {year}", reference, calm, draw(tweets[tweets["year"] == year], windows, year), []


def _label_shift(data: Path, windows: int, draw: Draw):
    tweets = scored(sentiment140(data), general(data)).drop(columns="true_label")
    before = tweets[(tweets["day"] >= "2009-05-15") & (tweets["day"] < "2009-06-17")]
    reference, calm, _ = _split(before, windows, draw)
    return "Sentiment140 from 17 June", reference, calm, draw(tweets[tweets["day"] >= "2009-06-17"], windows, 10), []


def _injected(data: Path, windows: int, draw: Draw):
    tweets = semeval(data).drop(semeval(data).sample(8000, random_state=0).index)
    by = general(data)
    tweets = scored(tweets[tweets["year"] <= 2012], by)
    # one prediction in three is answered by a person
    asked = np.random.default_rng(3).random(len(tweets)) < 1 / 3
    labelled = tweets.assign(true_label=tweets["true_label"].where(asked, None))
    plain = tweets.drop(columns="true_label")
    reference, calm, other = _split(plain, windows, draw)
    random = np.random.default_rng(11)

    unchanged = draw(other, windows, 12)

    def changed(share: float, change) -> list[pd.DataFrame]:
        found = []
        for one in unchanged:
            one = one.reset_index(drop=True).copy()
            hit = np.flatnonzero(random.random(len(one)) < share)
            one.loc[hit, "text"] = [change(text) for text in one.loc[hit, "text"]]
            again = scored(one[[name for name in one if not name.startswith("p_") and name != "predicted_label"]], by)
            found.append(again)
        return found

    for percent in (2, 5, 10):
        slang = changed(percent / 100, lambda text: f"{text} {random.choice(SLANG)}")
        yield f"new slang in {percent} %", reference, calm, slang, unchanged
    flood = changed(0.05, lambda _: f"Win a free flight with @user today, code {random.integers(1e6)} http")
    yield "bot flood in 5 %", reference, calm, flood, unchanged
    spanish = ("mi vuelo está retrasado otra vez y nadie dice nada", "gracias por el buen servicio en el vuelo de hoy")
    other_language = changed(0.05, lambda text: f"@user {random.choice(spanish)} {text[:20]}")
    yield "Spanish in 5 %", reference, calm, other_language, unchanged
    left, quiet, rest = _split(labelled, windows, draw)
    flipped, kept = [], draw(rest, windows, 13)
    for one in kept:
        one = one.copy()
        hit = one["text"].str.contains(r"\b(?:good|great|love|happy|best|fun|excited|nice)\b", case=False, regex=True)
        swap = {"positive": "negative", "negative": "positive"}
        one.loc[hit, "true_label"] = one.loc[hit, "true_label"].replace(swap)
        flipped.append(one)
    yield "meaning flip of praise, a third labelled", left, quiet, flipped, kept
