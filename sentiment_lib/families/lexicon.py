"""Sentiment lexicons: they need no training, so one of them is the first champion.

VADER: Hutto and Gilbert, ICWSM 2014. TextBlob: the polarity lexicon of the pattern library.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import MissingExtra
from sentiment_lib.families.base import LATER, Family, Model, Probabilities, Training
from sentiment_lib.families.calibration import calibration_notes, fit_temperature, prior_weights, softmax
from sentiment_lib.families.deduplication import distinct
from sentiment_lib.families.memory import megabytes
from sentiment_lib.families.options import parse_numbers
from sentiment_lib.records import LABELS
from sentiment_lib.text.airlines import HANDLES
from sentiment_lib.text.normalise import normalise

FILE = "lexicon.json"
#: Without labels: VADER's own thresholds of ±0.05 (README of vaderSentiment), as a softmax over the score.
UNTRAINED: dict[str, list[Any]] = {"slope": [[-4.0], [0.0], [4.0]], "intercept": [0.0, 0.2, 0.0]}
#: Fewest labelled tweets to fit thresholds on, and fewest held-out ones to fit a temperature on.
MIN_ROWS = 60
#: Class weights are the inverse class frequency to this power: at 1 rare labels would be predicted too often, at 0
#: hardly ever. TextBlob separates the classes so badly that at 0.5 its probabilities were 6 points off.
BALANCE = {"vader": 0.5, "textblob": 0.25}
Scores = tuple[float, ...]


class WordList(NamedTuple):
    """A lexicon: its scores of a text, each in [-1, 1] with the polarity first, and its words."""

    score: Callable[[str], Scores]
    words: Mapping[str, Any]


class Lexicon:
    """Multinomial logistic regression over a lexicon's scores."""

    def __init__(
        self, family: str, slope: Sequence[Any], intercept: Sequence[float], notes: dict[str, Any] | None = None
    ) -> None:
        self.family = family
        self.notes = notes or {}
        self._slope = np.asarray(slope, dtype=np.float64).reshape(len(LABELS), -1)
        self._intercept = np.asarray(intercept, dtype=np.float64)
        self._lexicon = word_list(family)

    def predict_proba(self, texts: Sequence[str]) -> Probabilities:
        """Probabilities (n, 3)."""
        if not len(texts):
            return np.empty((0, len(LABELS)))
        scores = score_texts(self._lexicon, texts)[:, : self._slope.shape[1]]
        # a sum over columns: the rounding of a matrix product can depend on the number of rows
        return softmax((scores[:, None, :] * self._slope).sum(axis=2) + self._intercept)

    @property
    def memory_mb(self) -> float:
        """The lexicon, which all models of the family share, and the coefficients."""
        return megabytes(self._slope, self._intercept, self._lexicon.words)

    def save(self, folder: Path) -> None:
        """One small JSON file."""
        content = {
            "family": self.family,
            "slope": self._slope.tolist(),
            "intercept": self._intercept.tolist(),
            "notes": self.notes,
        }
        (folder / FILE).write_text(json.dumps(content, sort_keys=True))


class LexiconFamily(Family):
    """A lexicon whose thresholds are fitted on labelled tweets when there are enough. It has no options."""

    def __init__(self, name: str, *, licence: str, requirements: tuple[str, ...]) -> None:
        self.name = name
        self.licence = licence
        self.requirements = requirements

    def train(self, training: Training) -> Model:
        """Fit slopes, intercepts and temperature; with too few labels keep the untrained thresholds."""
        parse_numbers(self.name, training.options, {})
        if len(training.texts) < MIN_ROWS:
            return Lexicon(self.name, UNTRAINED["slope"], UNTRAINED["intercept"])
        training.require_all_labels(self.name)
        training.report(self.name, 0.0, "scoring")
        scores = score_texts(word_list(self.name), training.texts)
        training.report(self.name, 0.8, "fitting thresholds")
        split = int(len(scores) * (1 - LATER))
        labels, held_out = training.labels, training.labels[split:]
        temperature, notes = 1.0, dict[str, Any]()
        if len(held_out) >= MIN_ROWS and len(set(labels[:split].tolist())) == len(LABELS):
            slope, intercept = _fit(scores[:split], labels[:split], BALANCE[self.name])
            proba = softmax(scores[split:] @ slope.T + intercept)
            weights = prior_weights(labels, held_out)
            temperature = fit_temperature(proba, held_out, weights)
            notes = calibration_notes(proba, held_out, temperature, weights)
        slope, intercept = _fit(scores, labels, BALANCE[self.name])
        training.report(self.name, 1.0, "trained")
        return Lexicon(self.name, (slope / temperature).tolist(), (intercept / temperature).tolist(), notes)

    def load(self, folder: Path) -> Model:
        """Read the JSON file; ValueError unless it has a slope and an intercept for each label."""
        content = json.loads((folder / FILE).read_text())
        if len(content["slope"]) != len(LABELS) or len(content["intercept"]) != len(LABELS):
            raise ValueError(f"{folder / FILE} does not have one slope and intercept for each label")
        return Lexicon(self.name, content["slope"], content["intercept"], content.get("notes"))


def _fit(
    scores: NDArray[np.float64], labels: NDArray[np.int64], balance: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from sklearn.linear_model import LogisticRegression

    share = np.bincount(labels, minlength=len(LABELS)) / len(labels)
    fitted = LogisticRegression(C=100.0, max_iter=1000).fit(scores, labels, sample_weight=share[labels] ** -balance)
    return fitted.coef_, fitted.intercept_


def score_texts(lexicon: WordList, texts: Sequence[str]) -> NDArray[np.float64]:
    """Scores (n, k) of the normalised texts, the polarity first; each distinct text is scored once."""
    unique, rows = distinct(texts)
    return np.array([lexicon.score(_without_handles(normalise(text))) for text in unique], dtype=np.float64)[rows]


def _without_handles(text: str) -> str:
    """The text without airline handles: "@united" would count as the positive word "united"."""
    return " ".join(word for word in text.split(" ") if not _is_handle(word))


def _is_handle(word: str) -> bool:
    return word.startswith("@") and word[1:].lower().strip(".,!?:;") in _MASKED


_MASKED = frozenset(HANDLES) | {"user"}


@lru_cache(maxsize=2)
def word_list(family: str) -> WordList:
    """The lexicon of a family; MissingExtra when its package is not installed."""
    return _vader() if family == "vader" else _textblob()


def _vader() -> WordList:
    try:
        import nltk
        from nltk.sentiment.vader import SentimentIntensityAnalyzer
    except ImportError as error:
        raise MissingExtra(what="The family vader", package="nltk", extra="") from error
    lexicon = files("vaderSentiment").joinpath("vader_lexicon.txt").read_bytes()
    # NLTK reads its lexicon only from a zip file on its data path
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

    def score(text: str) -> Scores:
        # NLTK divides by the length of the text
        scores = analyser.polarity_scores(text) if text else {}
        values = [float(scores.get(name, 0.0)) for name in ("compound", "neg", "neu", "pos")]
        return (*values, float(values[0] == 0))

    return WordList(score, analyser.lexicon)


def _textblob() -> WordList:
    try:
        from textblob import TextBlob
        from textblob.en import sentiment
    except ImportError as error:
        raise MissingExtra(what="The family textblob", package="textblob", extra="") from error

    def score(text: str) -> Scores:
        polarity, subjectivity = TextBlob(text).sentiment
        return (float(polarity), float(subjectivity), float(polarity == 0), abs(float(polarity)))

    score("good")  # TextBlob loads its lexicon lazily
    return WordList(score, sentiment)


VADER = LexiconFamily("vader", licence="the lexicon of vaderSentiment, MIT", requirements=("nltk", "vaderSentiment"))
TEXTBLOB = LexiconFamily(
    "textblob", licence="the English lexicon of TextBlob (from pattern, BSD), MIT", requirements=("nltk", "textblob")
)
