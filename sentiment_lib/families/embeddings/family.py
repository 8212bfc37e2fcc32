"""A model that turns texts into vectors and puts logistic regression on top."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.families.base import Model, Probabilities, Training
from sentiment_lib.families.calibration import KINDS
from sentiment_lib.families.deduplication import distinct
from sentiment_lib.families.embeddings import logistic_head
from sentiment_lib.families.memory import megabytes
from sentiment_lib.families.options import STRENGTH, Number, choice, numbers
from sentiment_lib.text.batch import normalise_all

SETTINGS = "settings.json"
#: Texts that are encoded between two reports of progress.
CHUNK = 1000
#: Share of a training that is done when every text is encoded.
ENCODED = 0.7


class Encoder(Protocol):
    """Texts to vectors."""

    #: names of the pinned weights (weights.py) that it reads and does not save
    weights: tuple[str, ...]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors (n, d) of normalised texts; a text's vector does not depend on its neighbours."""
        ...

    @property
    def memory_mb(self) -> float:
        """As a model's (base.py)."""
        ...

    def save(self, folder: Path) -> None:
        """Write what is the model's own; weights that a package ships are pinned, not copied."""
        ...


class Encoded:
    """Vectors of an encoder, and a linear model on them."""

    def __init__(self, family: str, encoder: Encoder, head: logistic_head.Linear, notes: dict[str, Any]) -> None:
        self.family = family
        self.notes = notes
        self.weights = encoder.weights
        self._encoder = encoder
        self._head = head

    def predict_proba(self, texts: Sequence[str]) -> Probabilities:
        """Probabilities (n, 3); each distinct text is encoded once."""
        once, rows = distinct(normalise_all(texts))
        if not rows:
            return np.empty((0, 3))
        return self._head.predict_proba(self._encoder.encode(once))[rows]

    @property
    def memory_mb(self) -> float:
        """The encoder, and the linear model's arrays."""
        return self._encoder.memory_mb + megabytes(self._head.arrays)

    def save(self, folder: Path) -> None:
        """The linear model's arrays, what the encoder learned, and notes."""
        self._encoder.save(folder)
        self._head.save(folder)
        (folder / SETTINGS).write_text(json.dumps({"notes": self.notes}, sort_keys=True))


class EncodedFamily:
    """An encoder that is made from the training texts (or is given), then a linear model.

    Options: `strength` and `calibration` (linear.py), the encoder's `own` numbers, and `others`. `made` is the
    share of a training that is done when there is an encoder.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[Training, list[str]], Encoder],
        read: Callable[[Path], Encoder],
        *,
        own: Mapping[str, Number] | None = None,
        others: Sequence[str] = (),
        made: float = 0.1,
    ) -> None:
        self.name = name
        self._make = make
        self._read = read
        self._numbers = {"strength": STRENGTH, **(own or {})}
        self._made = made
        self._others = ("calibration", *others)

    def train(self, training: Training) -> Model:
        """Encode every text once, then choose and fit the linear model."""
        training.require_all_labels(self.name)
        numbers(self.name, training.options, self._numbers, self._others)
        # before the encoder's work, not after it
        choice(self.name, training.options, "calibration", KINDS)
        training.report(self.name, 0.0, "reading weights")
        normal = normalise_all(training.texts)
        encoder = self._make(training, normal)
        parts = []
        for start in range(0, len(normal), CHUNK):
            training.report(self.name, self._made + (ENCODED - self._made) * start / len(normal), "encoding")
            parts.append(encoder.encode(normal[start : start + CHUNK]))
        head = logistic_head.fit(self.name, np.vstack(parts), training, done=ENCODED)
        return Encoded(self.name, encoder, head, head.notes)

    def load(self, folder: Path) -> Model:
        """Read the linear model; weights of a package are checked against their SHA-256 first."""
        notes = json.loads((folder / SETTINGS).read_text())["notes"]
        return Encoded(self.name, self._read(folder), logistic_head.Linear.load(folder), notes)
