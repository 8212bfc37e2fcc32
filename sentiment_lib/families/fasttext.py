"""fastText: bags of words, word pairs and parts of words, learned in seconds.

Joulin, Grave, Bojanowski, Mikolov: Bag of Tricks for Efficient Text Classification, EACL 2017.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import MissingExtra
from sentiment_lib.families.base import LATER, Model, Probabilities, Training
from sentiment_lib.families.calibration import apply_temperature, fit_temperature, record, shares_as_in
from sentiment_lib.families.deduplication import each_once
from sentiment_lib.families.memory import megabytes
from sentiment_lib.families.options import Number, numbers
from sentiment_lib.records import LABELS
from sentiment_lib.text.normalise import normalise
from sentiment_lib.text.tokens import tokenize

#: fastText's own binary format: arrays and a dictionary, no code.
MODEL, SETTINGS = "fasttext.bin", "settings.json"
PREFIX = "__label__"
#: One thread: with more, threads race for the weights and no two trainings agree.
PARAMETERS: dict[str, Any] = {
    "minn": 3,
    "bucket": 200_000,
    "thread": 1,
    "verbose": 0,
}
#: Option of a training -> what fastText calls it, and its default.
NUMBERS = {
    "dimensions": ("dim", Number(20, 1, 1000)),
    "epochs": ("epoch", Number(15, 1, 1000)),
    "rate": ("lr", Number(0.3, 1e-6, 10, whole=False)),
    "words": ("wordNgrams", Number(2, 1, 5)),
    # 0: words and runs of words alone
    "characters": ("maxn", Number(5, 0, 10)),
}
ENOUGH = 30


class FastText:
    """fastText's model with a temperature."""

    def __init__(self, inner: Any, temperature: float, notes: dict[str, Any] | None = None) -> None:
        self.family = "fasttext"
        self.notes = notes or {}
        self._inner = inner
        self._temperature = temperature
        self._column = {f"{PREFIX}{label}": place for place, label in enumerate(LABELS)}

    @each_once
    def predict_proba(self, texts: Sequence[str]) -> Probabilities:
        """Probabilities (n, 3)."""
        return apply_temperature(self._raw(texts), self._temperature)

    def _raw(self, texts: Sequence[str]) -> Probabilities:
        proba = np.zeros((len(texts), len(LABELS)))
        if not len(texts):
            return proba
        names, values = self._inner.predict([line(text) for text in texts], k=len(LABELS))
        for row, (found, shares) in enumerate(zip(names, values, strict=True)):
            for name, share in zip(found, shares, strict=True):
                proba[row, self._column[name]] = share
        return np.asarray(proba / proba.sum(axis=1, keepdims=True))

    @property
    def memory_mb(self) -> float:
        """Vectors of words, of runs of words and characters, and of labels; and the dictionary."""
        entries = [*self._inner.get_words(), *self._inner.get_labels()]
        matrices = self._inner.get_input_matrix().nbytes + self._inner.get_output_matrix().nbytes
        return float(matrices / 1e6) + megabytes(entries)

    def save(self, folder: Path) -> None:
        """fastText's own file, and the temperature beside it."""
        self._inner.save_model(str(folder / MODEL))
        content = {"temperature": self._temperature, "notes": self.notes}
        (folder / SETTINGS).write_text(json.dumps(content, sort_keys=True))


class FastTextFamily:
    """Supervised fastText; the temperature is fitted on the later rows by a first model that never saw them.

    Options: `rate`, `epochs`, `dimensions`, `words` and `characters` (longest run of them that has a vector; runs of
    characters have three at least).

    fastText learns in one call that nothing can interrupt: a training is cancelled before its first or its second pass
    over the rows, or after.
    """

    name = "fasttext"

    def train(self, training: Training) -> Model:
        """Learn twice: on the earlier rows for the temperature, then on all."""
        training.require_all_labels(self.name)
        given = numbers(self.name, training.options, {name: number for name, (_, number) in NUMBERS.items()})
        chosen = {NUMBERS[name][0]: value for name, value in given.items()}
        training.report(self.name, 0.0, "reading words")
        lines = [line(text) for text in training.texts]
        cut = int(len(lines) * (1 - LATER))
        earlier, later = training.labels[:cut], training.labels[cut:]
        temperature, notes = 1.0, {}
        if len(later) >= ENOUGH and len(set(earlier.tolist())) == len(LABELS):
            training.report(self.name, 0.1, "learning from the earlier rows")
            first = FastText(_learn(lines[:cut], earlier, training.seed, chosen), 1.0)
            raw = first._raw(training.texts[cut:])
            weights = shares_as_in(training.labels, later)
            temperature = fit_temperature(raw, later, weights)
            notes = record(raw, later, temperature, weights)
        training.report(self.name, 0.5, "learning from all rows")
        model = FastText(_learn(lines, training.labels, training.seed, chosen), temperature, notes)
        training.report(self.name, 1.0, "trained")
        return model

    def load(self, folder: Path) -> Model:
        """Read fastText's file."""
        content = json.loads((folder / SETTINGS).read_text())
        return FastText(_module().load_model(str(folder / MODEL)), content["temperature"], content["notes"])


def line(text: str) -> str:
    """The text as fastText reads it: words with spaces between, on one line.

    Words that fastText would take for labels are left out: in a training they would name classes of their own, or give
    a tweet a second label. In an answer fastText passes over them anyway. Its mark for the end of a line, "</s>",
    comes apart into signs.
    """
    return " ".join(word for word in tokenize(normalise(text)) if not word.startswith(PREFIX))


def _learn(lines: Sequence[str], labels: NDArray[np.int64], seed: int, chosen: dict[str, Any]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.txt"
        rows = (f"{PREFIX}{LABELS[place]} {text}" for place, text in zip(labels, lines, strict=True))
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")
        return _module().train_supervised(str(path), seed=seed, **PARAMETERS, **chosen)


def _module() -> Any:
    try:
        import fasttext
    except ImportError as error:
        raise MissingExtra(what="The family fasttext", package="fasttext-community", extra="vectors") from error
    return fasttext
