"""Simulated models of known quality: their answers follow a uniform number of each text and of each version."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

SHARES = np.array([0.6, 0.22, 0.18])
#: Accuracy of the champion, and share of texts on which a version answers as every other version does.
ACCURACY, SHARED = 0.78, 0.8


def negative_f1(accuracy: float) -> float:
    """F1 of class negative of a model that errs with this accuracy, evenly among the other classes."""
    true = SHARES[0] * accuracy
    false_positive = (1 - SHARES[0]) * (1 - accuracy) / 2
    return float(2 * true / (2 * true + false_positive + SHARES[0] * (1 - accuracy)))


def accuracy_for(gain: float) -> float:
    """Accuracy whose negative F1 is that of the champion plus `gain`."""
    return float(brentq(lambda a: negative_f1(a) - negative_f1(ACCURACY) - gain, 0.4, 0.999))


@dataclass(frozen=True)
class Texts:
    """True classes (n,), and uniform numbers (n, 2) that every version shares; copies have the same ones."""

    labels: NDArray[np.int64]
    common: NDArray[np.float64]

    @classmethod
    def draw(cls, rows: int, rng: np.random.Generator) -> Texts:
        """Texts without copies."""
        return cls(rng.choice(3, size=rows, p=SHARES), rng.random((rows, 2)))

    def take(self, rows: NDArray[np.int64]) -> Texts:
        """These rows."""
        return Texts(self.labels[rows], self.common[rows])


def answers(texts: Texts, key: NDArray[np.int64], version: int, gain: float) -> NDArray[np.int64]:
    """Classes (n,) of a version; key (n,): the text's number, so that copies get one answer."""
    size = int(key.max()) + 1
    rng = np.random.default_rng([71, version])
    own, alone = rng.random((size, 2)), rng.random(size) >= SHARED
    draw = np.where(alone[key, None], own[key], texts.common)
    wrong = np.where(draw[:, 1] < 0.5, 1, 2)
    return np.where(draw[:, 0] < accuracy_for(gain), texts.labels, (texts.labels + wrong) % 3)


def probabilities(classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Calibrated probabilities (n, 3) of these answers."""
    other = (1 - ACCURACY) / 2
    return np.where(np.eye(3, dtype=bool)[classes], ACCURACY, other)
