"""The interfaces of model families: Family, Training and Model."""

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
#: Token ids of several texts, one sequence each, not padded.
Tokens = Sequence[Sequence[int]]
#: Called with the share done (0 to 1) and what is being done; returns False to cancel.
Progress = Callable[[float, str], bool]
#: Options and the values that a hyperparameter search may give them.
SearchSpace = Mapping[str, tuple[Any, ...]]
#: Newest share of the training rows, held out to choose and calibrate before the final fit.
LATER = 0.15


class Model(Protocol):
    """A trained model. It takes raw or masked tweets and normalises them itself."""

    family: str

    def predict_proba(self, texts: Sequence[str]) -> Probabilities:
        """Probabilities (n, 3) in the order of LABELS; rows sum to one, whatever the order and size of the batch."""
        ...

    @property
    def memory_mb(self) -> float:
        """Megabytes of the arrays, graphs and dictionaries that the loaded model holds.

        Shared libraries such as Python and ONNX Runtime are not counted.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write the model's files into an existing folder; never a pickle."""
        ...


def check_probabilities(model: Model, texts: Sequence[str]) -> Probabilities:
    """The model's probabilities (n, 3) for n texts; ValueError unless they are finite and each row sums to one."""
    proba = np.asarray(model.predict_proba(texts), dtype=np.float64)
    shape = (len(texts), len(LABELS))
    if proba.shape != shape or not np.isfinite(proba).all() or (np.abs(proba.sum(axis=1) - 1) > 1e-4).any():
        raise ValueError(f"{model.family} gave no probabilities for {len(texts)} texts: shape {proba.shape}")
    return proba


@dataclass(frozen=True, kw_only=True)
class Training:
    """The input of a training. Texts are in order of time, oldest first."""

    texts: Sequence[str]
    #: indices into LABELS (n,)
    labels: NDArray[np.int64]
    seed: int
    created_at: Sequence[datetime] | None = None
    unlabelled: Sequence[str] = ()
    progress: Progress | None = None
    #: model whose probabilities a family may distil beside the labels
    teacher: Model | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    #: indices of labels that the task does not have: no row is demanded of them, and they are hardly ever predicted
    absent: Sequence[int] = ()

    def report(self, family: str, share: float, doing: str) -> None:
        """Report progress; raises TrainingCancelled when the callback asks to stop."""
        if self.progress is not None and not self.progress(share, doing):
            raise TrainingCancelled(family=family, done=doing)

    def require_all_labels(self, family: str, *, at_least: int = 2) -> None:
        """Raise TrainingRefused when a label has fewer than `at_least` rows."""
        counts = np.bincount(self.labels, minlength=len(LABELS))
        few = [
            f"{label} {count}"
            for code, (label, count) in enumerate(zip(LABELS, counts, strict=True))
            if count < at_least and code not in self.absent
        ]
        if few:
            problem = f"each label needs at least {at_least} tweets, but there are only: {', '.join(few)}"
            raise TrainingRefused(family=family, problem=problem)


class Family(Protocol):
    """A way to build a model.

    A subclass states `name` and `licence` and implements `train` and `load`; all else has a default that fits a family
    which learns from labelled tweets alone, in one go.
    """

    name: str
    #: licences of the weights, lexicons and libraries that its models build on, for the model card
    licence: str
    #: PyPI packages that its models import to predict, besides those that every family needs
    requirements: tuple[str, ...] = ()
    #: PyPI packages that its training imports besides these
    training_requirements: tuple[str, ...] = ()
    #: whether it can fine-tune a network; it then takes the options `checkpoints`, `start` and `later`
    fine_tunable: bool = False
    #: whether it adds a layer to the champion (Training.teacher), fitted on audit labels that this has not learned from
    recalibrates: bool = False

    def train(self, training: Training) -> Model:
        """Learn from scratch.

        Raises TrainingRefused for rows that cannot be learned from, BadInput for an option that is unknown or out of
        bounds, TrainingCancelled when progress asks to stop, and MissingExtra without an optional package.
        """
        ...

    def load(self, folder: Path) -> Model:
        """Read what `Model.save` wrote."""
        ...

    def search_space(self, options: Mapping[str, Any]) -> SearchSpace:  # noqa: ARG002
        """Values that a hyperparameter search may try in a training with these options; empty: nothing to search.

        The defaults are always tried and need not be listed.
        """
        return {}

    def fine_tunes(self, options: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Whether a training with these options changes the weights of a network."""
        return False

    def resumes(self, options: Mapping[str, Any]) -> bool:
        """Whether such a training, if killed, continues from the state in the folder of option `checkpoints`."""
        return self.fine_tunes(options)

    def reads_unlabelled(self, options: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Whether such a training also learns from tweets without labels."""
        return False

    def distils(self, options: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Whether such a training learns from a teacher's probabilities (Training.teacher)."""
        return False

    def start_problem(
        self,
        options: Mapping[str, Any],  # noqa: ARG002
        package: Path,  # noqa: ARG002
        created_at: Sequence[datetime] | None = None,  # noqa: ARG002
    ) -> str | None:
        """Why such a training cannot start from the weights in `package` (option `start`); None when it can.

        `created_at` are the times of its rows, oldest first.
        """
        return f"{self.name} always trains from scratch"
