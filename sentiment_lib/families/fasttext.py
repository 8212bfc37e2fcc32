"""fastText: bags of words, word n-grams and character n-grams, trained in seconds.

Joulin, Grave, Bojanowski, Mikolov: Bag of Tricks for Efficient Text Classification, EACL 2017.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import MissingExtra
from sentiment_lib.families.base import LATER, Family, Model, Probabilities, SearchSpace, Training
from sentiment_lib.families.calibration import apply_temperature, calibration_notes, fit_temperature, prior_weights
from sentiment_lib.families.deduplication import deduplicated
from sentiment_lib.families.memory import megabytes
from sentiment_lib.families.options import Number, parse_numbers
from sentiment_lib.records import LABELS
from sentiment_lib.scratch import scratch_folder
from sentiment_lib.text.normalise import normalise
from sentiment_lib.text.tokens import tokenize

#: fastText's own binary format: arrays and a dictionary, no code.
MODEL, SETTINGS = "fasttext.bin", "settings.json"
PREFIX = "__label__"
#: One thread: with more, threads race for the weights and training is not reproducible.
PARAMETERS: dict[str, Any] = {
    "minn": 3,
    "bucket": 200_000,
    "thread": 1,
    "verbose": 0,
}
#: fastText's argument and the bounds of each option.
NUMBERS = {
    "dimensions": ("dim", Number(20, 1, 1000)),
    "epochs": ("epoch", Number(15, 1, 1000)),
    "rate": ("lr", Number(0.3, 1e-6, 10, integer=False)),
    "words": ("wordNgrams", Number(2, 1, 5)),
    # 0: no character n-grams
    "characters": ("maxn", Number(5, 0, 10)),
}
#: Fewest held-out rows to fit a temperature on.
MIN_HELD_OUT = 30


class FastText:
    """A fastText model with a temperature."""

    def __init__(self, inner: Any, temperature: float, notes: dict[str, Any] | None = None) -> None:
        self.family = "fasttext"
        self.notes = notes or {}
        self._inner = inner
        self._temperature = temperature
        self._column = {f"{PREFIX}{label}": column for column, label in enumerate(LABELS)}

    @deduplicated
    def predict_proba(self, texts: Sequence[str]) -> Probabilities:
        """Probabilities (n, 3)."""
        return apply_temperature(self._raw(texts), self._temperature)

    def _raw(self, texts: Sequence[str]) -> Probabilities:
        proba = np.zeros((len(texts), len(LABELS)))
        if not len(texts):
            return proba
        names, values = self._inner.predict([line(text) for text in texts], k=len(LABELS))
        for row, (labels, shares) in enumerate(zip(names, values, strict=True)):
            for label, share in zip(labels, shares, strict=True):
                proba[row, self._column[label]] = share
        return np.asarray(proba / proba.sum(axis=1, keepdims=True))

    @property
    def memory_mb(self) -> float:
        """Vectors of words, n-grams and labels, and the dictionary."""
        entries = [*self._inner.get_words(), *self._inner.get_labels()]
        matrices = self._inner.get_input_matrix().nbytes + self._inner.get_output_matrix().nbytes
        return float(matrices / 1e6) + megabytes(entries)

    def save(self, folder: Path) -> None:
        """fastText's own file, and the temperature as JSON."""
        self._inner.save_model(str(folder / MODEL))
        content = {"temperature": self._temperature, "notes": self.notes}
        (folder / SETTINGS).write_text(json.dumps(content, sort_keys=True))


class FastTextFamily(Family):
    """Supervised fastText; the temperature is fitted on held-out rows with a first model that never saw them.

    Options: `rate`, `epochs`, `dimensions`, `words` and `characters` (longest n-gram of words and of characters; those
    of characters have three or more).

    fastText trains in one call that cannot be interrupted: a training is cancelled before its first or its second fit,
    or after.
    """

    name = "fasttext"
    licence = "learned from the training rows alone; the library is MIT"
    requirements = ("fasttext-community",)

    def search_space(self, options: Mapping[str, Any]) -> SearchSpace:  # noqa: ARG002
        """Learning rate, epochs, size of the vectors and n-gram lengths."""
        return {
            "rate": (0.05, 0.1, 0.2, 0.3, 0.5, 0.8),
            "epochs": (5, 10, 15, 25),
            "dimensions": (10, 20, 50),
            "words": (1, 2, 3),
            "characters": (0, 4, 5, 6),
        }

    def train(self, training: Training) -> Model:
        """Fit twice: on the earlier rows for the temperature, then on all."""
        training.require_all_labels(self.name)
        options = parse_numbers(self.name, training.options, {name: number for name, (_, number) in NUMBERS.items()})
        arguments = {NUMBERS[name][0]: value for name, value in options.items()}
        training.report(self.name, 0.0, "reading words")
        lines = [line(text) for text in training.texts]
        split = int(len(lines) * (1 - LATER))
        earlier, held_out = training.labels[:split], training.labels[split:]
        temperature, notes = 1.0, {}
        if len(held_out) >= MIN_HELD_OUT and len(set(earlier.tolist())) == len(LABELS):
            training.report(self.name, 0.1, "fitting on the earlier rows")
            first = FastText(_fit(lines[:split], earlier, training.seed, arguments), 1.0)
            raw = first._raw(training.texts[split:])
            weights = prior_weights(training.labels, held_out)
            temperature = fit_temperature(raw, held_out, weights)
            notes = calibration_notes(raw, held_out, temperature, weights)
        training.report(self.name, 0.5, "fitting on all rows")
        model = FastText(_fit(lines, training.labels, training.seed, arguments), temperature, notes)
        training.report(self.name, 1.0, "trained")
        return model

    def load(self, folder: Path) -> Model:
        """Read fastText's file."""
        content = json.loads((folder / SETTINGS).read_text())
        return FastText(_module().load_model(str(folder / MODEL)), content["temperature"], content["notes"])


def line(text: str) -> str:
    """The text in fastText's input format: normalised tokens with spaces between, on one line.

    Words with fastText's label prefix are dropped: in a training they would add classes or a second label, and in a
    prediction fastText ignores them. Its end-of-line mark "</s>" is split into several tokens.
    """
    return " ".join(word for word in tokenize(normalise(text)) if not word.startswith(PREFIX))


def _fit(lines: Sequence[str], labels: NDArray[np.int64], seed: int, arguments: dict[str, Any]) -> Any:
    with scratch_folder() as folder:
        path = folder / "rows.txt"
        rows = (f"{PREFIX}{LABELS[label]} {text}" for label, text in zip(labels, lines, strict=True))
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")
        return _module().train_supervised(str(path), seed=seed, **PARAMETERS, **arguments)


def _module() -> Any:
    try:
        import fasttext
    except ImportError as error:
        raise MissingExtra(what="The family fasttext", package="fasttext-community", extra="vectors") from error
    return fasttext
