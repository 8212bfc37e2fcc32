"""Bags of words and characters with a linear model: fast to train and to serve, and accurate for its cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import TrainingRefused
from sentiment_lib.families.bag_of_words.features import (
    PARTS,
    configure_parts,
    make_vectoriser,
    nb_log_count_ratio,
)
from sentiment_lib.families.bag_of_words.model import BagOfWords, load
from sentiment_lib.families.base import LATER, Family, Model, SearchSpace, Training
from sentiment_lib.families.calibration import calibration_notes, fit_temperature, prior_weights
from sentiment_lib.families.options import INVERSE_REGULARISATION, Number, parse_choice, parse_numbers
from sentiment_lib.records import LABELS
from sentiment_lib.statistics.metrics import macro_f1
from sentiment_lib.text.batch import normalise_all

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

#: Values of C that a logistic regression tries.
LOGREG_C = (0.1, 0.3, 1.0)
#: Inverse of the smoothing that naive Bayes tries: alpha 1, 0.33, 0.1 and 0.03. On three later blocks of the airline
#: week's training part macro-F1 was best at 0.33 for counts (72.9; 72.9, 72.6 and 71.7 at the others) and at 0.1 for
#: tf-idf (70.8; 48.6, 64.4 and 70.7), whose values are small; at 0.01 both fell again.
NAIVE_BAYES_C = (1.0, 3.0, 10.0, 30.0)
#: Families whose features are weighted by their naive-Bayes log-count ratio before the regression.
NB_WEIGHTED = ("tfidf_logreg",)
#: Intercept of a label without rows: a probability of about one in a million or less.
UNSEEN = -15.0
#: Fewest held-out rows to choose and calibrate on.
MIN_HELD_OUT = 30
NUMBERS = {
    "c": INVERSE_REGULARISATION,
    "words": Number(None, 1, 2),
    "characters": Number(None, 2, 8),
    "min_df": Number(None, 1, 1000),
}
MODELS = ("logreg", "complement_nb")
SPACES: dict[str, SearchSpace] = {
    "count_logreg": {"c": (0.03, 0.06, 0.1, 0.2, 0.4, 0.8), "words": (1, 2), "min_df": (1, 2, 3, 5)},
    "tfidf_logreg": {
        "c": (0.03, 0.06, 0.1, 0.2, 0.4, 0.8, 1.6),
        "words": (1, 2),
        "characters": (4, 5, 6),
        "min_df": (1, 2, 3, 5),
    },
}


class BagOfWordsFamily(Family):
    """Counts or tf-idf, then logistic regression with balanced classes (or complement naive Bayes).

    Options: `model` ("logreg" or "complement_nb"), `c` (inverse of the regularisation, or of naive Bayes' smoothing;
    chosen on the held-out rows by default), `words` and for tf-idf `characters` (longest n-gram), and `min_df` (fewest
    tweets with a word of `count_logreg`, or with a character n-gram of `tfidf_logreg`).

    A training is cancelled between two fits, not inside of one: scikit-learn's solver reports no progress.
    """

    licence = "learned from the training rows alone"
    requirements = ("scikit-learn", "scipy")

    def __init__(self, name: str) -> None:
        self.name = name

    def search_space(self, options: Mapping[str, Any]) -> SearchSpace:
        """C and n-gram lengths; for naive Bayes without C, whose values are meant for a regression."""
        space = SPACES[self.name]
        if options.get("model") == "complement_nb":
            return {name: values for name, values in space.items() if name != "c"}
        return space

    def train(self, training: Training) -> Model:
        """Choose C and temperature on the held-out rows, then fit on all of them."""
        training.require_all_labels(self.name)
        options = self._parse(training)
        training.report(self.name, 0.0, "reading words")
        split = int(len(training.texts) * (1 - LATER))
        earlier, held_out = training.labels[:split], training.labels[split:]
        defaults = NAIVE_BAYES_C if training.options.get("model") == "complement_nb" else LOGREG_C
        candidates = defaults if options["c"] is None else (options["c"],)
        c, temperature, notes = candidates[len(candidates) // 2], 1.0, dict[str, Any]()
        parts = configure_parts(self.name, options)
        if len(held_out) >= MIN_HELD_OUT and len(set(earlier.tolist())) == len(LABELS) - len(training.absent):
            c, temperature, notes = self._choose(training, split, parts, candidates)
        training.report(self.name, 0.6, "fitting on all rows")
        vectorisers, matrix = self._vectorise(training.texts, parts)
        for vectoriser in vectorisers:  # as a loaded one has it: without the memory of dropped features
            vectoriser.vocabulary_ = {feature: int(column) for feature, column in vectoriser.vocabulary_.items()}
        weighted, weights = self._apply_nb_weights(matrix, training.labels, training)
        fitted = self._fit(weighted, weights, training.labels, c, training)
        training.report(self.name, 1.0, "trained")
        return BagOfWords(self.name, vectorisers, *fitted, temperature, notes, parts)

    def load(self, folder: Path) -> Model:
        """Read vocabulary and arrays."""
        return load(self.name, folder)

    def _parse(self, training: Training) -> dict[str, Any]:
        numbers = {
            name: number for name, number in NUMBERS.items() if name != "characters" or len(PARTS[self.name]) > 1
        }
        parse_choice(self.name, training.options, "model", MODELS)
        return parse_numbers(self.name, training.options, numbers, others=("model",))

    def _choose(
        self, training: Training, split: int, parts: list[dict[str, Any]], candidates: Sequence[float]
    ) -> tuple[float, float, dict[str, Any]]:
        """C with the best macro-F1 on the rows from `split` on (the smallest of equals), temperature and notes."""
        vectorisers, matrix = self._vectorise(training.texts[:split], parts)
        earlier, held_out = training.labels[:split], training.labels[split:]
        weighted, weights = self._apply_nb_weights(matrix, earlier, training)
        trials = []
        for c in candidates:
            training.report(self.name, 0.2, f"regularisation {c}")
            fitted = self._fit(weighted, weights, earlier, c, training)
            proba = BagOfWords(self.name, vectorisers, *fitted, 1.0, parts=parts).predict_proba(training.texts[split:])
            trials.append((macro_f1(held_out, proba.argmax(axis=1)), -c, proba))
        _, minus_c, proba = max(trials, key=lambda trial: trial[:2])
        row_weights = prior_weights(training.labels, held_out)
        temperature = fit_temperature(proba, held_out, row_weights)
        return -minus_c, temperature, {"c": -minus_c, **calibration_notes(proba, held_out, temperature, row_weights)}

    def _vectorise(self, texts: Sequence[str], parts: list[dict[str, Any]]) -> tuple[list[Any], csr_matrix]:
        """Fitted vectorisers and features (n, features); TrainingRefused when no feature is left."""
        from scipy.sparse import hstack

        vectorisers = [make_vectoriser(self.name, part) for part in parts]
        normal = normalise_all(texts)
        try:
            return vectorisers, hstack([v.fit_transform(normal) for v in vectorisers], format="csr")
        except ValueError as error:  # scikit-learn's error for an empty vocabulary
            least = max(part.get("min_df", 1) for part in parts)
            problem = (
                f"no word, or no run of characters, occurs in {least} of its {len(texts)} tweets: "
                "more tweets are needed, or a smaller min_df"
            )
            raise TrainingRefused(family=self.name, problem=problem) from error

    def _apply_nb_weights(
        self, matrix: csr_matrix, labels: NDArray[np.int64], training: Training
    ) -> tuple[csr_matrix, NDArray[np.float32] | float]:
        """The matrix that the regression sees, and the weights its features were multiplied by."""
        if self.name not in NB_WEIGHTED or training.options.get("model") == "complement_nb":
            return matrix, 1.0
        weights = nb_log_count_ratio(matrix, labels, training.absent)
        weighted = matrix.copy()
        weighted.data *= weights[weighted.indices]
        return weighted, weights

    def _fit(
        self,
        matrix: csr_matrix,
        weights: NDArray[np.float32] | float,
        labels: NDArray[np.int64],
        c: float,
        training: Training,
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Coefficients (3, features) for unweighted features, and intercepts (3,)."""
        if training.options.get("model") == "complement_nb":
            from sklearn.naive_bayes import ComplementNB

            bayes = ComplementNB(alpha=1 / c).fit(matrix, labels)
            return bayes.feature_log_prob_.astype(np.float32), np.zeros(len(LABELS))
        from sklearn.linear_model import LogisticRegression

        # lbfgs is deterministic: the same rows give the same weights
        linear = LogisticRegression(C=c, class_weight="balanced", max_iter=300).fit(matrix, labels)
        coefficients, intercept = _for_all_labels(linear)
        return (coefficients * weights).astype(np.float32), intercept


def _for_all_labels(linear: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients (3, features) and intercepts (3,) of a regression that has seen two or three of the labels."""
    if len(linear.classes_) == len(LABELS):
        return linear.coef_, linear.intercept_.astype(np.float64)
    coefficients = np.zeros((len(LABELS), linear.coef_.shape[1]))
    intercept = np.full(len(LABELS), UNSEEN)
    lower, higher = linear.classes_
    coefficients[lower], coefficients[higher] = -linear.coef_[0] / 2, linear.coef_[0] / 2
    intercept[lower], intercept[higher] = -linear.intercept_[0] / 2, linear.intercept_[0] / 2
    return coefficients, intercept
