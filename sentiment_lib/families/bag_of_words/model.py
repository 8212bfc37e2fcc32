"""Bags of words and characters with a linear model on top: fast to train, fast to serve, hard to beat for the price."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import TrainingRefused
from sentiment_lib.families.bag_of_words.ngram_counts import WordCounts
from sentiment_lib.families.base import LATER, Model, Probabilities, Training
from sentiment_lib.families.calibration import apply_temperature, fit_temperature, record, shares_as_in, softmax
from sentiment_lib.families.deduplication import each_once
from sentiment_lib.families.memory import megabytes
from sentiment_lib.families.options import STRENGTH, Number, choice, numbers
from sentiment_lib.records import LABELS
from sentiment_lib.text.batch import normalise_all
from sentiment_lib.text.normalise import normalise
from sentiment_lib.text.tokens import FEATURE_PATTERN, tokenize

VOCABULARY, WEIGHTS, SETTINGS = "vocabulary.json", "weights.npz", "settings.json"
STRENGTHS = {"count_logreg": (0.1, 0.3, 1.0), "tfidf_logreg": (0.1, 0.3, 1.0)}
#: Inverse of the smoothing that naive Bayes tries: alpha 1, 0.33, 0.1 and 0.03. Over three later blocks of the airline
#: week's training part macro-F1 was best at 0.33 for counts (72.9; 72.9, 72.6 and 71.7 at the others) and at 0.1 for
#: tf-idf (70.8; 48.6, 64.4 and 70.7), whose values are small; at 0.01 both fell again.
BAYES_STRENGTHS = (1.0, 3.0, 10.0, 30.0)
#: Families whose features are weighed by what each tells of a class before the regression sees them.
TOLD_APART = ("tfidf_logreg",)
PARTS: dict[str, list[dict[str, Any]]] = {
    "count_logreg": [{"analyzer": "word", "ngram_range": (1, 2), "min_df": 2}],
    "tfidf_logreg": [
        {"analyzer": "word", "ngram_range": (1, 2), "sublinear_tf": True},
        {"analyzer": "char_wb", "ngram_range": (2, 5), "sublinear_tf": True, "min_df": 2},
    ],
}
#: Options that are numbers. None leaves what PARTS says.
NUMBERS = {
    "strength": STRENGTH,
    "words": Number(None, 1, 2),
    "characters": Number(None, 2, 8),
    "min_df": Number(None, 1, 1000),
}
MODELS = ("logreg", "complement_nb")


class BagOfWords:
    """Vocabulary and weights; the vectoriser is made anew from them, so nothing is unpickled."""

    def __init__(
        self,
        family: str,
        vectorisers: list[Any],
        coefficients: NDArray[np.float32],
        intercept: NDArray[np.float64],
        temperature: float,
        notes: dict[str, Any] | None = None,
        parts: list[dict[str, Any]] | None = None,
    ) -> None:
        self.family = family
        self.notes = notes or {}
        self._parts = parts or PARTS[family]
        self._vectorisers = vectorisers
        self._coefficients = coefficients
        self._transposed = np.ascontiguousarray(coefficients.T)
        self._intercept = intercept
        self._temperature = temperature
        self._counts = WordCounts(vectorisers[0].vocabulary_) if family == "count_logreg" else None

    @each_once
    def predict_proba(self, texts: Sequence[str]) -> Probabilities:
        """Probabilities (n, 3)."""
        if not len(texts):
            return np.empty((0, len(LABELS)))
        normal = normalise_all(texts)
        matrix = self._counts.matrix(normal) if self._counts else _matrix(self._vectorisers, normal)
        logits = np.asarray(matrix @ self._transposed, dtype=np.float64) + self._intercept
        return apply_temperature(softmax(logits), self._temperature)

    def contributions(self, words: Sequence[str], label: int) -> NDArray[np.float64] | None:
        """What each word of a text adds to the label's centred log-probability: (len(words),), exact up to intercepts.

        Words are split at white space. None when normalising joins or splits them, so that nothing can be exact.
        """
        normal = [normalise(word) for word in words]
        whole = normalise(" ".join(words))
        if " ".join(normal) != whole:
            return None
        weight = self._coefficients[label].astype(np.float64) - self._coefficients.mean(axis=0)
        given, first = np.zeros(len(words)), 0
        for vectoriser in self._vectorisers:
            values = vectoriser.transform([whole])
            # a feature that occurs in several places is shared between them
            value = dict(
                zip(values.indices.tolist(), (values.data * weight[first + values.indices]).tolist(), strict=True)
            )
            places: dict[int, list[int]] = {}
            for feature, place in _occurrences(vectoriser, normal):
                if (number := vectoriser.vocabulary_.get(feature)) is not None:
                    places.setdefault(number, []).append(place)
            for number, where in places.items():
                np.add.at(given, where, value.get(number, 0.0) / len(where))
            first += len(vectoriser.vocabulary_)
        return given / self._temperature

    @property
    def memory_mb(self) -> float:
        """Vocabularies and weights, the weights in both orders."""
        known = [(vectoriser.vocabulary_, getattr(vectoriser, "idf_", None)) for vectoriser in self._vectorisers]
        return megabytes(known, self._counts, self._coefficients, self._transposed, self._intercept)

    def vocabulary(self) -> frozenset[str]:
        """Single words that the model knows: for the unknown-word rate."""
        return frozenset(word for word in self._vectorisers[0].vocabulary_ if " " not in word)

    def save(self, folder: Path) -> None:
        """Vocabulary as JSON, arrays as npz without pickle."""
        words = [_in_order(vectoriser.vocabulary_) for vectoriser in self._vectorisers]
        (folder / VOCABULARY).write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")
        idf = {f"idf_{i}": v.idf_ for i, v in enumerate(self._vectorisers) if hasattr(v, "idf_")}
        np.savez(folder / WEIGHTS, coefficients=self._coefficients, intercept=self._intercept, **idf)
        settings = {"temperature": self._temperature, "notes": self.notes}
        if self._parts != PARTS[self.family]:
            settings["parts"] = self._parts
        (folder / SETTINGS).write_text(json.dumps(settings))


class BagOfWordsFamily:
    """Counts or tf-idf, then logistic regression with balanced classes (or complement naive Bayes).

    Options: `model` ("logreg" or "complement_nb"), `strength` (inverse of the regularisation, or of naive Bayes'
    smoothing; chosen on the later rows when it is not given), `words` and for tf-idf `characters` (longest run of them
    that is a feature), and `min_df` (tweets that a word of `count_logreg`, or a run of characters of `tfidf_logreg`,
    must occur in).

    A training is cancelled between two fits, not inside of one: scikit-learn's solver tells nobody how far it is.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def train(self, training: Training) -> Model:
        """Choose regularisation and temperature on the later rows, then fit on all of them."""
        training.require_all_labels(self.name)
        given = self._given(training)
        training.report(self.name, 0.0, "reading words")
        cut = int(len(training.texts) * (1 - LATER))
        earlier, later = training.labels[:cut], training.labels[cut:]
        tried = BAYES_STRENGTHS if training.options.get("model") == "complement_nb" else STRENGTHS[self.name]
        strengths = tried if given["strength"] is None else (given["strength"],)
        strength, temperature, notes = strengths[len(strengths) // 2], 1.0, dict[str, Any]()
        parts = _parts(self.name, given)
        if len(later) >= 30 and len(set(earlier.tolist())) == len(LABELS):
            strength, temperature, notes = self._choose(training, cut, parts, strengths)
        training.report(self.name, 0.6, "fitting on all rows")
        vectorisers, matrix = self._read(training.texts, parts)
        for vectoriser in vectorisers:  # as a loaded one has it, without the room that words took which were left out
            vectoriser.vocabulary_ = {word: int(place) for word, place in vectoriser.vocabulary_.items()}
        weighed, scale = self._weighed(matrix, training.labels, training)
        fitted = self._fit(weighed, scale, training.labels, strength, training)
        training.report(self.name, 1.0, "trained")
        return BagOfWords(self.name, vectorisers, *fitted, temperature, notes, parts)

    def _given(self, training: Training) -> dict[str, Any]:
        known = {name: number for name, number in NUMBERS.items() if name != "characters" or len(PARTS[self.name]) > 1}
        choice(self.name, training.options, "model", MODELS)
        return numbers(self.name, training.options, known, others=("model",))

    def _choose(
        self, training: Training, cut: int, parts: list[dict[str, Any]], strengths: Sequence[float]
    ) -> tuple[float, float, dict[str, Any]]:
        from sklearn.metrics import f1_score

        vectorisers, matrix = self._read(training.texts[:cut], parts)
        later = training.labels[cut:]
        weighed, scale = self._weighed(matrix, training.labels[:cut], training)
        tried = []
        for strength in strengths:
            training.report(self.name, 0.2, f"regularisation {strength}")
            fitted = self._fit(weighed, scale, training.labels[:cut], strength, training)
            proba = BagOfWords(self.name, vectorisers, *fitted, 1.0, parts=parts).predict_proba(training.texts[cut:])
            quality = f1_score(later, proba.argmax(axis=1), average="macro", zero_division=0)
            tried.append((quality, -strength, proba))
        _, minus_strength, proba = max(tried, key=lambda entry: entry[:2])
        weights = shares_as_in(training.labels, later)
        temperature = fit_temperature(proba, later, weights)
        return -minus_strength, temperature, {"strength": -minus_strength, **record(proba, later, temperature, weights)}

    def _read(self, texts: Sequence[str], parts: list[dict[str, Any]]) -> tuple[list[Any], Any]:
        vectorisers = [_vectoriser(self.name, part) for part in parts]
        from scipy.sparse import hstack

        normal = normalise_all(texts)
        try:
            return vectorisers, hstack([v.fit_transform(normal) for v in vectorisers], format="csr")
        except ValueError as error:  # which is how scikit-learn says that no feature is left
            least = max(part.get("min_df", 1) for part in parts)
            problem = (
                f"no word, or no run of characters, occurs in {least} of its {len(texts)} tweets: "
                "more tweets are needed, or a smaller min_df"
            )
            raise TrainingRefused(family=self.name, problem=problem) from error

    def _weighed(self, matrix: Any, labels: NDArray[np.int64], training: Training) -> tuple[Any, Any]:
        """The matrix that the regression sees, and by what its features were multiplied."""
        if self.name not in TOLD_APART or training.options.get("model") == "complement_nb":
            return matrix, 1.0
        scale = _telling(matrix, labels)
        weighed = matrix.copy()
        weighed.data *= scale[weighed.indices]
        return weighed, scale

    def _fit(
        self, matrix: Any, scale: Any, labels: NDArray[np.int64], strength: float, training: Training
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Coefficients for features that are not weighed, and intercepts."""
        if training.options.get("model") == "complement_nb":
            from sklearn.naive_bayes import ComplementNB

            bayes = ComplementNB(alpha=1 / strength).fit(matrix, labels)
            return bayes.feature_log_prob_.astype(np.float32), np.zeros(len(LABELS))
        from sklearn.linear_model import LogisticRegression

        # lbfgs draws nothing at random: the same rows give the same weights
        linear = LogisticRegression(C=strength, class_weight="balanced", max_iter=300).fit(matrix, labels)
        return (linear.coef_ * scale).astype(np.float32), linear.intercept_.astype(np.float64)

    def load(self, folder: Path) -> Model:
        """Read vocabulary and arrays; nothing in them is code."""
        words = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
        content = json.loads((folder / SETTINGS).read_text())
        parts = [{**part, "ngram_range": tuple(part["ngram_range"])} for part in content.get("parts", PARTS[self.name])]
        with np.load(folder / WEIGHTS, allow_pickle=False) as arrays:
            vectorisers = []
            for number, (part, known) in enumerate(zip(parts, words, strict=True)):
                vectoriser = _vectoriser(self.name, part, {word: place for place, word in enumerate(known)})
                if f"idf_{number}" in arrays:
                    vectoriser.idf_ = arrays[f"idf_{number}"]
                else:
                    vectoriser._validate_vocabulary()
                vectorisers.append(vectoriser)
            coefficients, intercept = arrays["coefficients"], arrays["intercept"]
        temperature, notes = content["temperature"], content.get("notes", {})
        return BagOfWords(self.name, vectorisers, coefficients, intercept, temperature, notes, parts)


def _parts(family: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    """PARTS with the options that are given."""
    found = []
    for part in PARTS[family]:
        changed = dict(part)
        longest = given.get("words" if part["analyzer"] == "word" else "characters")
        if longest is not None:
            changed["ngram_range"] = (part["ngram_range"][0], longest)
        # where every word counts, as tf-idf has it, none is left out
        if given["min_df"] is not None and "min_df" in part:
            changed["min_df"] = given["min_df"]
        found.append(changed)
    return found


def _vectoriser(family: str, part: dict[str, Any], vocabulary: dict[str, int] | None = None) -> Any:
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

    kind = TfidfVectorizer if family == "tfidf_logreg" else CountVectorizer
    words = {"token_pattern": FEATURE_PATTERN} if part["analyzer"] == "word" else {}
    return kind(lowercase=True, dtype=np.float32, vocabulary=vocabulary, **part, **words)


def _matrix(vectorisers: list[Any], normal: Sequence[str]) -> Any:
    """Tf-idf of each part, (n, features): as TfidfVectorizer's `transform`, without its checks of what was just made.

    They take longer than a tweet does.
    """
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import CountVectorizer

    parts = []
    for vectoriser in vectorisers:
        counts = CountVectorizer.transform(vectoriser, normal)
        values = ((np.log(counts.data) + 1) * vectoriser.idf_[counts.indices]).astype(np.float32)
        row = np.repeat(np.arange(len(normal)), np.diff(counts.indptr))
        lengths = np.sqrt(np.bincount(row, weights=values * values, minlength=len(normal)))
        counts.data = (values / lengths[row]).astype(np.float32)
        parts.append(counts)
    return hstack(parts, format="csr")


def _telling(matrix: Any, labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Largest absolute log-count ratio of each feature over the classes: what it tells a naive Bayes of one of them.

    Wang, Manning 2012, "Baselines and Bigrams", ACL; here with one scale for all classes.
    """
    present = matrix.copy()
    present.data = np.ones_like(present.data)
    ratios = []
    for label in range(len(LABELS)):
        own, others = (np.asarray(present[rows].sum(axis=0)).ravel() + 1 for rows in (labels == label, labels != label))
        ratios.append(np.abs(np.log((own / own.sum()) / (others / others.sum()))))
    return np.asarray(np.max(ratios, axis=0), dtype=np.float32)


def _occurrences(vectoriser: Any, words: Sequence[str]) -> Iterator[tuple[str, int]]:
    """(feature, place of its word) for each occurrence; a pair of words counts half for each."""
    analyse = vectoriser.build_analyzer()
    if vectoriser.analyzer == "char_wb":  # never crosses white space
        for place, word in enumerate(words):
            yield from ((feature, place) for feature in analyse(word))
        return
    tokens = [(token, place) for place, word in enumerate(words) for token in tokenize(word)]
    for token, place in tokens:
        yield from ((token, place), (token, place))
    for (left, one), (right, two) in pairwise(tokens):
        yield from ((f"{left} {right}", one), (f"{left} {right}", two))


def _in_order(vocabulary: dict[str, int]) -> list[str]:
    return sorted(vocabulary, key=lambda word: vocabulary[word])
