"""Multinomial logistic regression over embeddings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.families import calibration
from sentiment_lib.families.base import LATER, Probabilities, Training
from sentiment_lib.families.calibration import Calibration, calibration_notes, prior_weights, softmax
from sentiment_lib.families.options import INVERSE_REGULARISATION, parse_choice, parse_numbers
from sentiment_lib.records import LABELS
from sentiment_lib.statistics.metrics import macro_f1

FILE = "linear.npz"
#: Values of C that a training tries, and that a hyperparameter search does.
TRIED_C = (0.01, 0.1, 1.0)
SEARCHED_C = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
#: With fewer held-out rows the middle C and no calibration are used.
MIN_HELD_OUT = 30


@dataclass(frozen=True, kw_only=True)
class LogisticHead:
    """Standardisation (d,), coefficients (3, d), intercepts (3,) and a calibration."""

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
        standardised = (vectors - self.mean) / self.scale
        return self.calibration.apply(softmax(standardised @ self.coefficients.T + self.intercept))

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """All parameters by name."""
        arrays = {name: getattr(self, name) for name in ("mean", "scale", "coefficients", "intercept")}
        if self.calibration.curves is not None:
            arrays["curves"] = self.calibration.curves
        return {"temperature": np.array(self.calibration.temperature), **arrays}

    def save(self, folder: Path) -> None:
        """Arrays as npz without pickle."""
        np.savez(folder / FILE, **self.arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, folder: Path) -> LogisticHead:
        """Read what `save` wrote."""
        with np.load(folder / FILE, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return cls(calibration=Calibration(float(arrays.pop("temperature")), arrays.pop("curves", None)), **arrays)


def fit(family: str, vectors: NDArray[np.float32], training: Training, *, done: float) -> LogisticHead:
    """Choose C and calibration on the held-out rows, then fit on all vectors (n, d); progress goes from `done` to 1.

    Options: `c` fixes C; `calibration` is "temperature", or "isotonic" for a curve for each label, which is more
    flexible and needs more rows. A training is cancelled between two fits, not inside of one: scikit-learn's solver
    reports no progress. BadInput for an invalid option.
    """
    c_option = {name: value for name, value in training.options.items() if name == "c"}
    fixed = parse_numbers(family, c_option, {"c": INVERSE_REGULARISATION})["c"]
    kind = parse_choice(family, training.options, "calibration", calibration.KINDS)
    candidates = TRIED_C if fixed is None else (fixed,)
    split = int(len(vectors) * (1 - LATER))
    labels, held_out = training.labels, training.labels[split:]
    c, fitted_calibration, notes = candidates[len(candidates) // 2], Calibration(), dict[str, Any]()
    if len(held_out) >= MIN_HELD_OUT and len(set(labels[:split].tolist())) == len(LABELS):
        trials = []
        for candidate in candidates:
            training.report(family, done, f"regularisation {candidate}")
            proba = _fit(vectors[:split], labels[:split], candidate).predict_proba(vectors[split:])
            trials.append((macro_f1(held_out, proba.argmax(axis=1)), -candidate, proba))
        _, minus_c, proba = max(trials, key=lambda trial: trial[:2])
        weights = prior_weights(labels, held_out)
        c, fitted_calibration = -minus_c, calibration.fit(kind, proba, held_out, weights)
        notes = {"c": c, **calibration_notes(proba, held_out, fitted_calibration.temperature, weights, kind)}
    training.report(family, (1 + done) / 2, "fitting on all rows")
    head = _fit(vectors, labels, c)
    training.report(family, 1.0, "trained")
    return LogisticHead(
        mean=head.mean,
        scale=head.scale,
        coefficients=head.coefficients,
        intercept=head.intercept,
        calibration=fitted_calibration,
        notes=notes,
    )


def _fit(vectors: NDArray[np.float32], labels: NDArray[np.int64], c: float) -> LogisticHead:
    from sklearn.linear_model import LogisticRegression

    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    scale = np.maximum(vectors.std(axis=0, dtype=np.float64), 1e-6).astype(np.float32)
    # lbfgs is deterministic: the same rows give the same weights
    linear = LogisticRegression(C=c, class_weight="balanced", max_iter=400)
    linear.fit((vectors - mean) / scale, labels)
    return LogisticHead(mean=mean, scale=scale, coefficients=linear.coef_, intercept=linear.intercept_)
