"""What every way to build a model keeps to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import TrainingCancelled, TrainingRefused
from sentiment_lib.records import LABELS

Probabilities = NDArray[np.float64]
#: Called with the share done (0..1) and a word on what is being done; returns False to cancel.
Progress = Callable[[float, str], bool]
#: Newest share of the training rows on which a family chooses and calibrates before its final fit.
LATER = 0.15


class Model(Protocol):
    """A trained model. Takes masked or raw tweets: it normalises them itself, with the one normaliser."""

    family: str

    def predict_proba(self, texts: Sequence[str]) -> Probabilities:
        """Probabilities (n, 3) in the order of LABELS; rows sum to one. Order and batch size do not matter."""
        ...

    @property
    def memory_mb(self) -> float:
        """Megabytes of the arrays, graphs and dictionaries that the loaded model keeps, as if no other model shared
        them. What libraries take besides, as Python and ONNX Runtime themselves, is not in it.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write the model's files into an existing folder; never a pickle."""
        ...


@dataclass(frozen=True, kw_only=True)
class Training:
    """What a family learns from. Texts are in the order of time, oldest first."""

    texts: Sequence[str]
    #: positions in LABELS, one for each text
    labels: NDArray[np.int64]
    seed: int
    created_at: Sequence[datetime] | None = None
    unlabelled: Sequence[str] = ()
    progress: Progress | None = None
    #: a model whose probabilities some families learn beside the labels
    teacher: Model | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def report(self, family: str, share: float, doing: str) -> None:
        """Say how far training is; TrainingCancelled when whoever listens wants it to stop."""
        if self.progress is not None and not self.progress(share, doing):
            raise TrainingCancelled(family=family, done=doing)

    def require_all_labels(self, family: str, *, at_least: int = 2) -> None:
        """Refuse a training set in which a label is missing or almost so."""
        counts = np.bincount(self.labels, minlength=len(LABELS))
        few = [f"{label} {count}" for label, count in zip(LABELS, counts, strict=True) if count < at_least]
        if few:
            problem = f"each label needs at least {at_least} tweets, but there are only: {', '.join(few)}"
            raise TrainingRefused(family=family, problem=problem)


class Family(Protocol):
    """A way to build a model."""

    name: str

    def train(self, training: Training) -> Model:
        """Learn from scratch; TrainingRefused when the set cannot be learned from."""
        ...

    def load(self, folder: Path) -> Model:
        """Read what `Model.save` wrote."""
        ...
