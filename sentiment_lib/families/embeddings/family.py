"""Families that embed texts as vectors and classify them by logistic regression."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.families.base import Family, Model, Probabilities, SearchSpace, Training
from sentiment_lib.families.calibration import KINDS
from sentiment_lib.families.deduplication import distinct
from sentiment_lib.families.embeddings import logistic_head
from sentiment_lib.families.memory import megabytes
from sentiment_lib.families.options import INVERSE_REGULARISATION, Number, parse_choice, parse_numbers
from sentiment_lib.text.batch import normalise_all

SETTINGS = "settings.json"
#: Texts that are encoded between two progress reports.
CHUNK = 1000
#: Progress of a training when every text is encoded.
ENCODED = 0.7


class Encoder(Protocol):
    """Texts to vectors."""

    #: names of the pinned weights (weights/pinned.py) that it reads and does not save
    weights: tuple[str, ...]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors (n, d) of normalised texts; a text's vector does not depend on its neighbours."""
        ...

    @property
    def memory_mb(self) -> float:
        """Megabytes that it holds, as `Model.memory_mb`."""
        ...

    def save(self, folder: Path) -> None:
        """Write what was learned; weights that a package ships are pinned, not copied."""
        ...


class EmbeddingModel:
    """An encoder, and a logistic regression over its vectors."""

    def __init__(self, family: str, encoder: Encoder, head: logistic_head.LogisticHead, notes: dict[str, Any]) -> None:
        self.family = family
        self.notes = notes
        self.weights = encoder.weights
        self._encoder = encoder
        self._head = head

    def predict_proba(self, texts: Sequence[str]) -> Probabilities:
        """Probabilities (n, 3); each distinct text is encoded once."""
        unique, rows = distinct(normalise_all(texts))
        if not rows:
            return np.empty((0, 3))
        return self._head.predict_proba(self._encoder.encode(unique))[rows]

    @property
    def memory_mb(self) -> float:
        """The encoder, and the head's arrays."""
        return self._encoder.memory_mb + megabytes(self._head.arrays)

    def save(self, folder: Path) -> None:
        """What the encoder learned, the head's arrays, and notes."""
        self._encoder.save(folder)
        self._head.save(folder)
        (folder / SETTINGS).write_text(json.dumps({"notes": self.notes}, sort_keys=True))


class EmbeddingFamily(Family):
    """An encoder, built from the training texts or pre-trained, and a logistic regression.

    Options: `c` and `calibration` (logistic_head.py), the encoder's own `numbers` and `others`.
    `encoder_share` is the progress of a training when the encoder is built.
    """

    def __init__(
        self,
        name: str,
        build: Callable[[Training, list[str]], Encoder],
        read: Callable[[Path], Encoder],
        *,
        licence: str,
        requirements: tuple[str, ...] = (),
        training_requirements: tuple[str, ...] = (),
        unlabelled: bool = False,
        numbers: Mapping[str, Number] | None = None,
        others: Sequence[str] = (),
        space: SearchSpace | None = None,
        encoder_share: float = 0.1,
    ) -> None:
        self.name = name
        self.licence = licence
        self.requirements = requirements
        self.training_requirements = ("scikit-learn", *training_requirements)
        self._build = build
        self._read = read
        self._unlabelled = unlabelled
        self._numbers = {"c": INVERSE_REGULARISATION, **(numbers or {})}
        self._others = ("calibration", *others)
        self._space = {"c": logistic_head.SEARCHED_C, **(space or {})}
        self._encoder_share = encoder_share

    def search_space(self, options: Mapping[str, Any]) -> SearchSpace:  # noqa: ARG002
        """C, and the encoder's own options."""
        return self._space

    def reads_unlabelled(self, options: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Whether the encoder learns from unlabelled tweets."""
        return self._unlabelled

    def train(self, training: Training) -> Model:
        """Encode every text once, then choose and fit the head."""
        training.require_all_labels(self.name)
        # validate before the encoder's work, not after it
        parse_numbers(self.name, training.options, self._numbers, self._others)
        parse_choice(self.name, training.options, "calibration", KINDS)
        training.report(self.name, 0.0, "reading weights")
        normal = normalise_all(training.texts)
        encoder = self._build(training, normal)
        parts = []
        for start in range(0, len(normal), CHUNK):
            share = self._encoder_share + (ENCODED - self._encoder_share) * start / len(normal)
            training.report(self.name, share, "encoding")
            parts.append(encoder.encode(normal[start : start + CHUNK]))
        head = logistic_head.fit(self.name, np.vstack(parts), training, done=ENCODED)
        return EmbeddingModel(self.name, encoder, head, head.notes)

    def load(self, folder: Path) -> Model:
        """Read encoder and head; pinned weights are verified against their SHA-256 first."""
        notes = json.loads((folder / SETTINGS).read_text())["notes"]
        return EmbeddingModel(self.name, self._read(folder), logistic_head.LogisticHead.load(folder), notes)
