"""Lexicons: no training needed, so one of them is the first champion.

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
from sentiment_lib.families.base import LATER, Model, Probabilities, Training
from sentiment_lib.families.calibration import fit_temperature, record, shares_as_in, softmax
from sentiment_lib.families.deduplication import distinct
from sentiment_lib.families.memory import megabytes
from sentiment_lib.families.options import numbers
from sentiment_lib.records import LABELS
from sentiment_lib.text.airlines import HANDLES
from sentiment_lib.text.normalise import normalise

FILE = "lexicon.json"
#: Before there are labels: VADER's own thresholds of ±0.05 (README of vaderSentiment), as a softmax over the score.
UNTRAINED: dict[str, list[Any]] = {"slope": [[-4.0], [0.0], [4.0]], "intercept": [0.0, 0.2, 0.0]}
#: Labelled tweets from which the thresholds are fitted; with fewer the untrained ones are kept.
ENOUGH = 60
#: Labels count by the inverse of their share to this power: at 1 rare labels would be guessed too often to be
#: believed, at 0 hardly ever. TextBlob tells them apart so badly that at 0.5 its probabilities were 6 points off.
BALANCE = {"vader": 0.5, "textblob": 0.25}
Scores = tuple[float, ...]


class WordList(NamedTuple):
    """The scores of one text, each in [-1, 1], the polarity first; and the words that they come from."""

    score: Callable[[str], Scores]
    words: Mapping[str, Any]


class Lexicon:
    """Scores of each text, turned into probabilities by a softmax that is linear in them."""

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
        scores = scored(self._lexicon, texts)[:, : self._slope.shape[1]]
        # a sum over columns, not a matrix product: its result does not depend on the number of rows
        return softmax((scores[:, None, :] * self._slope).sum(axis=2) + self._intercept)

    @property
    def memory_mb(self) -> float:
        """The word list, which all models of the family share, and three thresholds."""
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


class LexiconFamily:
    """Thresholds fitted on labelled tweets when there are some."""

    def __init__(self, name: str) -> None:
        self.name = name

    def train(self, training: Training) -> Model:
        """Fit slopes, intercepts and temperature; without enough labels use the lexicon's own thresholds."""
        numbers(self.name, training.options, {})
        if len(training.texts) < ENOUGH:
            return Lexicon(self.name, UNTRAINED["slope"], UNTRAINED["intercept"])
        training.require_all_labels(self.name)
        training.report(self.name, 0.0, "scoring")
        scores = scored(word_list(self.name), training.texts)
        training.report(self.name, 0.8, "fitting thresholds")
        cut = int(len(scores) * (1 - LATER))
        labels, later = training.labels, training.labels[cut:]
        temperature, notes = 1.0, dict[str, Any]()
        if len(later) >= ENOUGH and len(set(labels[:cut].tolist())) == len(LABELS):
            slope, intercept = _fit(scores[:cut], labels[:cut], BALANCE[self.name])
            proba = softmax(scores[cut:] @ slope.T + intercept)
            weights = shares_as_in(labels, later)
            temperature = fit_temperature(proba, later, weights)
            notes = record(proba, later, temperature, weights)
        slope, intercept = _fit(scores, labels, BALANCE[self.name])
        training.report(self.name, 1.0, "trained")
        return Lexicon(self.name, (slope / temperature).tolist(), (intercept / temperature).tolist(), notes)

    def load(self, folder: Path) -> Model:
        """Read the JSON file."""
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


def scored(lexicon: WordList, texts: Sequence[str]) -> NDArray[np.float64]:
    """Scores (n, k) of the normalised texts, the polarity first; each distinct text is scored once."""
    once, rows = distinct(texts)
    return np.array([lexicon.score(_without_handles(normalise(text))) for text in once], dtype=np.float64)[rows]


def _without_handles(text: str) -> str:
    """ "@united" would count as the positive word "united"."""
    return " ".join(word for word in text.split(" ") if not _is_handle(word))


def _is_handle(word: str) -> bool:
    return word.startswith("@") and word[1:].lower().strip(".,!?:;") in _MASKED


_MASKED = frozenset(HANDLES) | {"user"}


@lru_cache(maxsize=2)
def word_list(family: str) -> WordList:
    """The lexicon of that family."""
    return _vader() if family == "vader" else _textblob()


def _vader() -> WordList:
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

    def score(text: str) -> Scores:
        # a text without a word makes NLTK divide by its length
        found = analyser.polarity_scores(text) if text else {}
        values = [float(found.get(name, 0.0)) for name in ("compound", "neg", "neu", "pos")]
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

    score("good")  # the list is read when it is first needed
    return WordList(score, sentiment)
