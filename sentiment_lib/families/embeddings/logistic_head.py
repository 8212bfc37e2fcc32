"""Logistic regression over vectors: what stands on top of word vectors and sentence encoders."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.families import calibration
from sentiment_lib.families.base import LATER, Probabilities, Training
from sentiment_lib.families.calibration import Calibration, record, shares_as_in, softmax
from sentiment_lib.families.options import STRENGTH, choice, numbers
from sentiment_lib.records import LABELS

FILE = "linear.npz"
STRENGTHS = (0.01, 0.1, 1.0)
#: Fewer later rows than this choose nothing: the middle strength and no temperature are taken.
ENOUGH = 30


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Standardised vectors times coefficients (3, d), then calibrated."""

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    coefficients: NDArray[np.float64]
    intercept: NDArray[np.float64]
    calibration: Calibration = field(default_factory=Calibration)
    #: how it was chosen and calibrated
    notes: dict[str, Any] = field(default_factory=dict)

    def predict_proba(self, vectors: NDArray[np.float32]) -> Probabilities:
        """Probabilities (n, 3) of vectors (n, d)."""
        if not len(vectors):
            return np.empty((0, len(LABELS)))
        standard = (vectors - self.mean) / self.scale
        return self.calibration.apply(softmax(standard @ self.coefficients.T + self.intercept))

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything that it answers with, by name."""
        found = {name: getattr(self, name) for name in ("mean", "scale", "coefficients", "intercept")}
        if self.calibration.curves is not None:
            found["curves"] = self.calibration.curves
        return {"temperature": np.array(self.calibration.temperature), **found}

    def save(self, folder: Path) -> None:
        """Arrays as npz without pickle."""
        np.savez(folder / FILE, **self.arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, folder: Path) -> Linear:
        """Read what `save` wrote."""
        with np.load(folder / FILE, allow_pickle=False) as arrays:
            kept = {name: arrays[name] for name in arrays.files}
        return cls(calibration=Calibration(float(kept.pop("temperature")), kept.pop("curves", None)), **kept)


def fit(family: str, vectors: NDArray[np.float32], training: Training, *, done: float) -> Linear:
    """Strength and calibration chosen on the later rows, then fitted on all; progress goes from `done` to 1.

    Options: `strength` is taken as it is; `calibration` is "temperature", or "isotonic" for a curve for each label,
    which follows more than one number can and needs more rows. A training is cancelled between two fits, not inside of
    one: scikit-learn's solver tells nobody how far it is.
    """
    from sklearn.metrics import f1_score

    given = numbers(family, {k: v for k, v in training.options.items() if k == "strength"}, {"strength": STRENGTH})
    kind = choice(family, training.options, "calibration", calibration.KINDS)
    strengths = STRENGTHS if given["strength"] is None else (given["strength"],)
    cut = int(len(vectors) * (1 - LATER))
    labels, later = training.labels, training.labels[cut:]
    strength, calibrated, notes = strengths[len(strengths) // 2], Calibration(), dict[str, Any]()
    if len(later) >= ENOUGH and len(set(labels[:cut].tolist())) == len(LABELS):
        tried = []
        for candidate in strengths:
            training.report(family, done, f"regularisation {candidate}")
            proba = _fit(vectors[:cut], labels[:cut], candidate).predict_proba(vectors[cut:])
            quality = f1_score(later, proba.argmax(axis=1), average="macro", zero_division=0)
            tried.append((quality, -candidate, proba))
        _, minus, proba = max(tried, key=lambda entry: entry[:2])
        weights = shares_as_in(labels, later)
        strength, calibrated = -minus, calibration.fit(kind, proba, later, weights)
        notes = {"strength": strength, **record(proba, later, calibrated.temperature, weights, kind)}
    training.report(family, (1 + done) / 2, "fitting on all rows")
    fitted = _fit(vectors, labels, strength)
    training.report(family, 1.0, "trained")
    return Linear(
        mean=fitted.mean,
        scale=fitted.scale,
        coefficients=fitted.coefficients,
        intercept=fitted.intercept,
        calibration=calibrated,
        notes=notes,
    )


def _fit(vectors: NDArray[np.float32], labels: NDArray[np.int64], strength: float) -> Linear:
    from sklearn.linear_model import LogisticRegression

    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    scale = np.maximum(vectors.std(axis=0, dtype=np.float64), 1e-6).astype(np.float32)
    # lbfgs draws nothing at random: the same rows give the same weights
    linear = LogisticRegression(C=strength, class_weight="balanced", max_iter=400)
    linear.fit((vectors - mean) / scale, labels)
    return Linear(mean=mean, scale=scale, coefficients=linear.coef_, intercept=linear.intercept_)
