"""Recalibration: a served model with a temperature and a shift of the class priors on top, fitted in seconds.

Bias-corrected temperature scaling (Alexandari, Kundaje, Shrikumar 2020, "Maximum likelihood with bias-corrected
calibration is hard-to-beat at label shift adaptation", ICML): log probabilities are divided by a temperature, and each
class gets a constant. Nothing else of the model changes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import TrainingRefused
from sentiment_lib.families.base import Family, Model, Probabilities, Training
from sentiment_lib.families.calibration import BOUNDS, TINY, calibration_notes, softmax
from sentiment_lib.families.options import parse_numbers
from sentiment_lib.records import LABELS
from sentiment_lib.statistics.metrics import expected_calibration_error

NAME = "recalibrated"
SETTINGS, BASE = "recalibration.json", "model"
#: Fewest labels to fit on, and fewest of each class.
MIN_ROWS, MIN_CLASS_ROWS = 200, 10
#: Prior standard deviation of the shifts of log odds: without it, few labels of a class would move it far.
SHIFT_DEVIATION = 1.0


class Recalibrated:
    """A model whose log probabilities are divided by a temperature and shifted by class."""

    def __init__(
        self, base: Model, temperature: float, shift: NDArray[np.float64], notes: dict[str, Any] | None = None
    ) -> None:
        self.family = NAME
        self.notes = notes or {}
        self.base = base
        self.weights = tuple(getattr(base, "weights", ()))
        if hasattr(base, "normaliser"):
            #: version of the normaliser that the model below was trained with
            self.normaliser = base.normaliser
        self._temperature, self._shift = temperature, shift

    def predict_proba(self, texts: Sequence[str]) -> Probabilities:
        """Probabilities (n, 3)."""
        return recalibrate(self.base.predict_proba(texts), self._temperature, self._shift)

    @property
    def memory_mb(self) -> float:
        """Megabytes of the model; the layer is negligible."""
        return self.base.memory_mb

    def save(self, folder: Path) -> None:
        """The model's files in a folder of their own, and the layer as JSON."""
        (folder / BASE).mkdir()
        self.base.save(folder / BASE)
        content = {
            "family": self.base.family,
            "temperature": self._temperature,
            "shift": self._shift.tolist(),
            "notes": self.notes,
        }
        (folder / SETTINGS).write_text(json.dumps(content, sort_keys=True))


class RecalibratedFamily(Family):
    """Recalibrations of a served model (Training.teacher); it takes no options and no seed changes it."""

    name = NAME
    licence = "that of the model below"
    recalibrates = True

    def __init__(self, family: Callable[[str], Family]) -> None:
        self._family = family

    def train(self, training: Training) -> Model:
        """Fit the layer on texts that the teacher has not learned from.

        A recalibrated teacher's own layer is replaced. Raises TrainingRefused without a teacher and with fewer than
        MIN_ROWS labels or MIN_CLASS_ROWS of a class.
        """
        parse_numbers(self.name, training.options, {})
        training.report(self.name, 0.0, "predictions of the champion")
        if training.teacher is None:
            raise TrainingRefused(family=self.name, problem="there is no model to recalibrate")
        if len(training.labels) < MIN_ROWS:
            problem = f"{len(training.labels)} audit labels are new to the champion, and {MIN_ROWS} are needed"
            raise TrainingRefused(family=self.name, problem=problem)
        training.require_all_labels(self.name, at_least=MIN_CLASS_ROWS)
        base = getattr(training.teacher, "base", training.teacher)
        proba = base.predict_proba(training.texts)
        temperature, shift = fit_layer(proba, training.labels)
        notes: dict[str, Any] = {
            **calibration_notes(proba, training.labels, temperature),
            # "after" of a temperature alone would be another layer's
            "ece_after": _cross_fitted_error(proba, training.labels),
            "shift": {str(label): round(float(value), 4) for label, value in zip(LABELS, shift, strict=True)},
            # its packages and licences are those of the model below
            "members": [base.family, *getattr(base, "notes", {}).get("members", ())],
        }
        training.report(self.name, 1.0, "fitted")
        return Recalibrated(base, temperature, shift, notes)

    def load(self, folder: Path) -> Model:
        """Read the model with its own family, and the layer."""
        content = json.loads((folder / SETTINGS).read_text())
        base = self._family(content["family"]).load(folder / BASE)
        return Recalibrated(base, content["temperature"], np.array(content["shift"]), content["notes"])


def recalibrate(proba: Probabilities, temperature: float, shift: NDArray[np.float64]) -> Probabilities:
    """Probabilities (n, 3) with log probabilities divided by the temperature, plus the shift (3,)."""
    return softmax(np.log(np.clip(proba, TINY, 1)) / temperature + shift)


def fit_layer(proba: Probabilities, labels: NDArray[np.int64]) -> tuple[float, NDArray[np.float64]]:
    """Temperature and shift (3,) of sum zero with the largest penalised likelihood of labels (n,)."""
    from scipy.optimize import minimize

    logs, rows = np.log(np.clip(proba, TINY, 1)), np.arange(len(labels))
    # shifts of sum zero from two free ones
    spread = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])

    def loss(free: NDArray[np.float64]) -> float:
        scores = logs * np.exp(-free[0]) + spread @ free[1:]
        top = scores.max(axis=1)
        likelihood = scores[rows, labels] - top - np.log(np.exp(scores - top[:, None]).sum(axis=1))
        penalty = float(((spread @ free[1:]) ** 2).sum()) / (2 * SHIFT_DEVIATION**2)
        return float(-likelihood.sum()) + penalty

    bounds = [(np.log(BOUNDS[0]), np.log(BOUNDS[1])), (-4.0, 4.0), (-4.0, 4.0)]
    found = minimize(loss, np.zeros(3), method="L-BFGS-B", bounds=bounds).x
    # rounded: the optimiser's last digits are noise
    return round(float(np.exp(found[0])), 6), np.round(spread @ found[1:], 6)


def _cross_fitted_error(proba: Probabilities, labels: NDArray[np.int64]) -> float:
    half = np.arange(len(labels)) % 2 == 0
    calibrated = proba.copy()
    for own, other in ((half, ~half), (~half, half)):
        calibrated[own] = recalibrate(proba[own], *fit_layer(proba[other], labels[other]))
    return round(expected_calibration_error(labels, calibrated), 4)
