"""Lexicons: no training needed, so one of them is the first champion.

VADER: Hutto and Gilbert, ICWSM 2014. TextBlob: the polarity lexicon of the pattern library.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import MissingExtra
from sentiment_lib.families.base import Model, Probabilities, Training
from sentiment_lib.records import LABELS
from sentiment_lib.text.airlines import HANDLES
from sentiment_lib.text.normalise import normalise

FILE = "lexicon.json"
#: Before there are labels: VADER's own thresholds of ±0.05 (README of vaderSentiment), as a softmax over the score.
UNTRAINED = {"slope": [-4.0, 0.0, 4.0], "intercept": [0.0, 0.2, 0.0]}
#: Labelled tweets from which the thresholds are fitted; with fewer the untrained ones are kept.
ENOUGH = 60


class Lexicon:
    """A score in [-1, 1] for each text, turned into probabilities by a softmax that is linear in the score."""

    def __init__(self, family: str, slope: Sequence[float], intercept: Sequence[float]) -> None:
        self.family = family
        self._slope = np.asarray(slope, dtype=np.float64)
        self._intercept = np.asarray(intercept, dtype=np.float64)
        self._score = scorer(family)

    def predict_proba(self, texts: Sequence[str]) -> Probabilities:
        """Probabilities (n, 3)."""
        scores = scored(self._score, texts)
        logits = scores[:, None] * self._slope + self._intercept
        exponent = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(exponent / exponent.sum(axis=1, keepdims=True))

    def save(self, folder: Path) -> None:
        """One small JSON file."""
        content = {"family": self.family, "slope": self._slope.tolist(), "intercept": self._intercept.tolist()}
        (folder / FILE).write_text(json.dumps(content, sort_keys=True))


class LexiconFamily:
    """Thresholds fitted on labelled tweets when there are some."""

    def __init__(self, name: str) -> None:
        self.name = name

    def train(self, training: Training) -> Model:
        """Fit slope and intercept on the score; without enough labels use the lexicon's own thresholds."""
        if len(training.texts) < ENOUGH:
            return Lexicon(self.name, UNTRAINED["slope"], UNTRAINED["intercept"])
        from sklearn.linear_model import LogisticRegression

        training.require_all_labels(self.name)
        training.report(self.name, 0.0, "scoring")
        scores = scored(scorer(self.name), training.texts)[:, None]
        training.report(self.name, 0.8, "fitting thresholds")
        fitted = LogisticRegression(C=100.0, max_iter=1000).fit(scores, training.labels)
        training.report(self.name, 1.0, "trained")
        return Lexicon(self.name, fitted.coef_[:, 0], fitted.intercept_)

    def load(self, folder: Path) -> Model:
        """Read the JSON file."""
        content = json.loads((folder / FILE).read_text())
        if len(content["slope"]) != len(LABELS) or len(content["intercept"]) != len(LABELS):
            raise ValueError(f"{folder / FILE} does not have one slope and intercept for each label")
        return Lexicon(self.name, content["slope"], content["intercept"])


def scored(score: Callable[[str], float], texts: Sequence[str]) -> NDArray[np.float64]:
    """Scores (n,) of the normalised texts; each distinct text is scored once."""
    known: dict[str, float] = {}
    for text in texts:
        if text not in known:
            known[text] = score(_without_handles(normalise(text)))
    return np.array([known[text] for text in texts], dtype=np.float64)


def _without_handles(text: str) -> str:
    """ "@united" would count as the positive word "united"."""
    return " ".join(word for word in text.split(" ") if not _is_handle(word))


def _is_handle(word: str) -> bool:
    return word.startswith("@") and word[1:].lower().strip(".,!?:;") in _MASKED


_MASKED = frozenset(HANDLES) | {"user"}


@lru_cache(maxsize=2)
def scorer(family: str) -> Callable[[str], float]:
    """The lexicon's score of one text, in [-1, 1]."""
    return _vader() if family == "vader" else _textblob()


def _vader() -> Callable[[str], float]:
    try:
        import nltk
        from nltk.sentiment.vader import SentimentIntensityAnalyzer
    except ImportError as error:
        raise MissingExtra(what="The family vader", package="nltk", extra="") from error
    lexicon = files("vaderSentiment").joinpath("vader_lexicon.txt").read_bytes()
    # NLTK reads its lexicon from a zip file on its data path only
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sentiment" / "vader_lexicon.zip"
        path.parent.mkdir()
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("vader_lexicon/vader_lexicon.txt", lexicon)
        nltk.data.path.insert(0, folder)
        try:
            analyser = SentimentIntensityAnalyzer()
        finally:
            nltk.data.path.remove(folder)
    return lambda text: float(analyser.polarity_scores(text)["compound"]) if text else 0.0


def _textblob() -> Callable[[str], float]:
    try:
        from textblob import TextBlob
    except ImportError as error:
        raise MissingExtra(what="The family textblob", package="textblob", extra="") from error
    return lambda text: float(TextBlob(text).sentiment.polarity)
