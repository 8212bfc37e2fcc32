"""A linear model over bag-of-words features, as it predicts and is stored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.families.bag_of_words.features import PARTS, make_vectoriser, occurrences, tfidf_matrix
from sentiment_lib.families.bag_of_words.ngram_counts import NgramCounts
from sentiment_lib.families.base import Probabilities
from sentiment_lib.families.calibration import apply_temperature, softmax
from sentiment_lib.families.deduplication import deduplicated
from sentiment_lib.families.memory import megabytes
from sentiment_lib.records import LABELS
from sentiment_lib.text.batch import normalise_all
from sentiment_lib.text.normalise import normalise

VOCABULARY, WEIGHTS, SETTINGS = "vocabulary.json", "weights.npz", "settings.json"


class BagOfWords:
    """Vocabulary and weights; vectorisers are rebuilt from them, so nothing is unpickled."""

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
        self._counts = NgramCounts(vectorisers[0].vocabulary_) if family == "count_logreg" else None

    @deduplicated
    def predict_proba(self, texts: Sequence[str]) -> Probabilities:
        """Probabilities (n, 3)."""
        if not len(texts):
            return np.empty((0, len(LABELS)))
        normal = normalise_all(texts)
        matrix = self._counts.matrix(normal) if self._counts else tfidf_matrix(self._vectorisers, normal)
        logits = np.asarray(matrix @ self._transposed, dtype=np.float64) + self._intercept
        return apply_temperature(softmax(logits), self._temperature)

    def contributions(self, words: Sequence[str], label: int) -> NDArray[np.float64] | None:
        """What each word (len(words),) adds to the label's centred log-probability; exact up to the intercepts.

        `words` are a text split at white space. None when normalisation joins or splits them, so that nothing exact
        can be said.
        """
        normal = [normalise(word) for word in words]
        text = normalise(" ".join(words))
        if " ".join(normal) != text:
            return None
        weight = self._coefficients[label].astype(np.float64) - self._coefficients.mean(axis=0)
        total, offset = np.zeros(len(words)), 0
        for vectoriser in self._vectorisers:
            values = vectoriser.transform([text])
            contribution = dict(
                zip(values.indices.tolist(), (values.data * weight[offset + values.indices]).tolist(), strict=True)
            )
            # a feature that occurs at several words is shared between them
            words_of: dict[int, list[int]] = {}
            for feature, word in occurrences(vectoriser, normal):
                if (column := vectoriser.vocabulary_.get(feature)) is not None:
                    words_of.setdefault(column, []).append(word)
            for column, indices in words_of.items():
                np.add.at(total, indices, contribution.get(column, 0.0) / len(indices))
            offset += len(vectoriser.vocabulary_)
        return total / self._temperature

    @property
    def memory_mb(self) -> float:
        """Vocabularies and weights, the weights in both memory orders."""
        vocabularies = [(vectoriser.vocabulary_, getattr(vectoriser, "idf_", None)) for vectoriser in self._vectorisers]
        return megabytes(vocabularies, self._counts, self._coefficients, self._transposed, self._intercept)

    def vocabulary(self) -> frozenset[str]:
        """Single words that the model knows, for the out-of-vocabulary rate."""
        return frozenset(word for word in self._vectorisers[0].vocabulary_ if " " not in word)

    def save(self, folder: Path) -> None:
        """Vocabulary as JSON, arrays as npz without pickle."""
        vocabularies = [sorted(v.vocabulary_, key=v.vocabulary_.__getitem__) for v in self._vectorisers]
        (folder / VOCABULARY).write_text(json.dumps(vocabularies, ensure_ascii=False), encoding="utf-8")
        idf = {f"idf_{i}": v.idf_ for i, v in enumerate(self._vectorisers) if hasattr(v, "idf_")}
        np.savez(folder / WEIGHTS, coefficients=self._coefficients, intercept=self._intercept, **idf)
        settings = {"temperature": self._temperature, "notes": self.notes}
        if self._parts != PARTS[self.family]:
            settings["parts"] = self._parts
        (folder / SETTINGS).write_text(json.dumps(settings))


def load(family: str, folder: Path) -> BagOfWords:
    """Read what `BagOfWords.save` wrote."""
    vocabularies = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
    settings = json.loads((folder / SETTINGS).read_text())
    parts = [{**part, "ngram_range": tuple(part["ngram_range"])} for part in settings.get("parts", PARTS[family])]
    with np.load(folder / WEIGHTS, allow_pickle=False) as arrays:
        vectorisers = []
        for index, (part, features) in enumerate(zip(parts, vocabularies, strict=True)):
            vectoriser = make_vectoriser(family, part, {feature: column for column, feature in enumerate(features)})
            if f"idf_{index}" in arrays:
                vectoriser.idf_ = arrays[f"idf_{index}"]
            else:
                vectoriser._validate_vocabulary()
            vectorisers.append(vectoriser)
        coefficients, intercept = arrays["coefficients"], arrays["intercept"]
    temperature, notes = settings["temperature"], settings.get("notes", {})
    return BagOfWords(family, vectorisers, coefficients, intercept, temperature, notes, parts)
