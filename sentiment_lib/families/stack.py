"""Several families that answer together: their probabilities go into one linear model.

Wolpert: Stacked Generalization, Neural Networks 5, 1992. The linear model learns from out-of-fold probabilities: each
member answers for rows that it has not seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import BadInput, TrainingRefused
from sentiment_lib.families.base import Family, Model, Probabilities, Training
from sentiment_lib.families.calibration import apply_temperature, fit_temperature, record, softmax
from sentiment_lib.families.options import Number, numbers
from sentiment_lib.records import LABELS

SETTINGS = "stack.json"
MEMBERS = ("tfidf_logreg", "fasttext", "use_logreg")
#: Blocks of time, each answered for by members that learned from the others. With 1 only the newer half of the rows is
#: answered for, by members that learned from the older half: the cheapest for members that are slow to train.
FOLDS = Number(3, 1, 20)
#: Labels count by the inverse of their share to this power.
BALANCE = 0.5
FLOOR = 1e-4


class Stack:
    """Members, and a linear model over the logarithms of their probabilities."""

    def __init__(
        self,
        members: Mapping[str, Model],
        coefficients: NDArray[np.float64],
        intercept: NDArray[np.float64],
        temperature: float,
        notes: dict[str, Any] | None = None,
    ) -> None:
        self.family = "stack"
        self.notes = notes or {}
        self.weights = tuple({name for member in members.values() for name in getattr(member, "weights", ())})
        self._members = dict(members)
        self._coefficients = coefficients
        self._intercept = intercept
        self._temperature = temperature

    def predict_proba(self, texts: Sequence[str]) -> Probabilities:
        """Probabilities (n, 3)."""
        if not len(texts):
            return np.empty((0, len(LABELS)))
        features = _features([member.predict_proba(texts) for member in self._members.values()])
        # summed by columns: a matrix product may round in another order for another number of rows
        scores = (features[:, None, :] * self._coefficients).sum(axis=2) + self._intercept
        return apply_temperature(softmax(scores), self._temperature)

    def save(self, folder: Path) -> None:
        """One folder for each member, and the linear model as JSON."""
        for name, member in self._members.items():
            (folder / name).mkdir()
            member.save(folder / name)
        content = {
            "members": list(self._members),
            "coefficients": self._coefficients.tolist(),
            "intercept": self._intercept.tolist(),
            "temperature": self._temperature,
            "notes": self.notes,
        }
        (folder / SETTINGS).write_text(json.dumps(content, sort_keys=True))


class StackFamily:
    """Options: `members` (names of families), `member_options` (options by member's name), `folds`."""

    name = "stack"

    def __init__(self, family: Callable[[str], Family]) -> None:
        self._family = family

    def train(self, training: Training) -> Model:
        """Train each member on every fold but one for the linear model, and on all rows for serving."""
        given = training.options.get("members", MEMBERS)
        if isinstance(given, str):
            raise BadInput(what=f"option members of {self.name}", problem=f"'{given}' is one word; a list is needed")
        names = [str(name) for name in given]
        folds = numbers(self.name, training.options, {"folds": FOLDS}, others=("members", "member_options"))["folds"]
        if self.name in names or len(set(names)) < len(names) or len(names) < 2:
            raise TrainingRefused(family=self.name, problem=f"two or more different members are needed, got {names}")
        if strange := sorted(set(training.options.get("member_options", {})) - set(names)):
            problem = f"{strange[0]} is none of its members: {', '.join(names)}"
            raise BadInput(what=f"option member_options of {self.name}", problem=problem)
        training.require_all_labels(self.name, at_least=2 * folds)
        rows = len(training.texts)
        answers = [np.zeros((rows, len(LABELS))) for _ in names]
        total = len(names) * (folds + 1)
        blocks = np.array_split(np.arange(rows), folds) if folds > 1 else np.array_split(np.arange(rows), 2)[1:]
        answered = np.concatenate(blocks)
        labels = training.labels[answered]
        if len(set(labels.tolist())) < len(LABELS):
            raise TrainingRefused(
                family=self.name, problem="the newer half of the rows lacks a label; more folds use all"
            )
        for fold, block in enumerate(blocks):
            rest = np.setdiff1d(np.arange(rows), block)
            for place, name in enumerate(names):
                done = (fold * len(names) + place, total)
                model = self._member(name, training, rest, done)
                answers[place][block] = model.predict_proba([training.texts[row] for row in block])
        features = _features([part[answered] for part in answers])
        temperature, notes = _calibrated(features, labels, np.array_split(np.arange(len(labels)), max(folds, 2)))
        coefficients, intercept = _fit(features, labels)
        every = np.arange(rows)
        members = {
            name: self._member(name, training, every, (folds * len(names) + place, total))
            for place, name in enumerate(names)
        }
        training.report(self.name, 1.0, "trained")
        return Stack(members, coefficients, intercept, temperature, {"members": names, **notes})

    def load(self, folder: Path) -> Model:
        """Read each member with its own family."""
        content = json.loads((folder / SETTINGS).read_text())
        return Stack(
            {name: self._family(name).load(folder / name) for name in content["members"]},
            np.array(content["coefficients"]),
            np.array(content["intercept"]),
            content["temperature"],
            content["notes"],
        )

    def _member(self, name: str, training: Training, rows: NDArray[np.int64], done: tuple[int, int]) -> Model:
        before, total = done
        options = dict(training.options.get("member_options", {}).get(name, {}))

        def progress(share: float, doing: str) -> bool:
            training.report(self.name, (before + share) / total * 0.99, f"{name}: {doing}")
            return True

        created = training.created_at
        part = replace(
            training,
            texts=[training.texts[row] for row in rows],
            labels=training.labels[rows],
            created_at=None if created is None else [created[row] for row in rows],
            progress=progress,
            options=options,
        )
        return self._family(name).train(part)


def _calibrated(
    features: NDArray[np.float64], labels: NDArray[np.int64], blocks: Sequence[NDArray[np.int64]]
) -> tuple[float, dict[str, float]]:
    """Temperature on the rows of every block, each answered for by a linear model of the other blocks.

    The newest block alone would not do: the distance between it and the older ones says how members of a part of the
    rows fall behind, and those that serve have learned from all of them.
    """
    found = np.zeros((len(labels), len(LABELS)))
    for block in blocks:
        rest = np.setdiff1d(np.arange(len(labels)), block)
        if len(set(labels[rest].tolist())) < len(LABELS):
            return 1.0, {}
        coefficients, intercept = _fit(features[rest], labels[rest])
        found[block] = softmax(features[block] @ coefficients.T + intercept)
    temperature = fit_temperature(found, labels)
    return temperature, record(found, labels, temperature)


def _features(answers: Sequence[Probabilities]) -> NDArray[np.float64]:
    """Logarithms (n, 3 m); bounded, so that one member's certainty cannot outvote all others."""
    return np.log(np.clip(np.hstack(answers), FLOOR, 1))


def _fit(features: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from sklearn.linear_model import LogisticRegression

    share = np.bincount(labels, minlength=len(LABELS)) / len(labels)
    fitted = LogisticRegression(C=0.1, max_iter=1000).fit(features, labels, sample_weight=share[labels] ** -BALANCE)
    return fitted.coef_, fitted.intercept_
