"""Several families that answer together: a linear model over their probabilities, or one weight for each of them.

Wolpert: Stacked Generalization, Neural Networks 5, 1992. What combines them learns from out-of-fold probabilities: each
member answers for rows that it has not seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import BadInput, TrainingRefused
from sentiment_lib.families.base import Family, Model, Probabilities, Training
from sentiment_lib.families.calibration import apply_temperature, shares_as_in, softmax
from sentiment_lib.families.ensemble.blending import calibrated, features_of, fit_linear, pooled
from sentiment_lib.families.options import Number, numbers
from sentiment_lib.records import LABELS

SETTINGS = "stack.json"
MEMBERS = ("tfidf_logreg", "fasttext", "use_logreg")
#: Blocks of time, each answered for by members that learned from the others. With 1 only the newer half of the rows is
#: answered for, by members that learned from the older half. With 0 only the newest rows are, those that a network
#: holds out from its training anyway: it is trained once, and the cheapest choice when there is one.
FOLDS = Number(3, 0, 20)
#: Newest share of the rows that weighs the members where there are no folds.
NEWEST = 0.1
OTHERS = ("members", "member_options", "checkpoints")


class Stack:
    """Members, and a linear model over the logarithms of their probabilities, or one weight for each."""

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
        #: how the trainings of the members that serve went here, where they say so; not saved
        told = {name: getattr(member, "circumstances", None) for name, member in members.items()}
        self.circumstances = {name: found for name, found in told.items() if found}
        self.weights = tuple({name for member in members.values() for name in getattr(member, "weights", ())})
        self._members = dict(members)
        self._coefficients = coefficients
        self._intercept = intercept
        self._temperature = temperature

    def predict_proba(self, texts: Sequence[str]) -> Probabilities:
        """Probabilities (n, 3)."""
        if not len(texts):
            return np.empty((0, len(LABELS)))
        features = features_of([member.predict_proba(texts) for member in self._members.values()])
        # summed by columns: a matrix product may round in another order for another number of rows
        scores = (features[:, None, :] * self._coefficients).sum(axis=2) + self._intercept
        return apply_temperature(softmax(scores), self._temperature)

    @property
    def memory_mb(self) -> float:
        """What the members keep; the linear model is a few numbers."""
        return sum(member.memory_mb for member in self._members.values())

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
    """Options: `members` (names of families), `member_options` (options by member's name), `folds`, `checkpoints`.

    Each training of a member in `resumable` has a folder of its own below `checkpoints`: after a kill those that ended
    are taken from there, and the one that was cut off goes on. The caller removes the folder when the model is safe.
    """

    name = "stack"

    def __init__(self, family: Callable[[str], Family], *, resumable: Collection[str] = ()) -> None:
        self._family = family
        self._resumable = resumable

    def train(self, training: Training) -> Model:
        """Train the members, for what combines them on rows that they have not seen, and on all rows for serving."""
        names, folds = self._chosen(training)
        training.require_all_labels(self.name, at_least=2 * max(folds, 1))
        trained = self._by_folds(training, names, folds) if folds else self._by_newest(training, names)
        training.report(self.name, 1.0, "trained")
        return trained

    def _chosen(self, training: Training) -> tuple[list[str], int]:
        """Members and folds; BadInput or TrainingRefused where they make no stack."""
        given = training.options.get("members", MEMBERS)
        if isinstance(given, str):
            raise BadInput(what=f"option members of {self.name}", problem=f"'{given}' is one word; a list is needed")
        names = [str(name) for name in given]
        folds = numbers(self.name, training.options, {"folds": FOLDS}, others=OTHERS)["folds"]
        if self.name in names or len(set(names)) < len(names) or len(names) < 2:
            raise TrainingRefused(family=self.name, problem=f"two or more different members are needed, got {names}")
        if strange := sorted(set(training.options.get("member_options", {})) - set(names)):
            problem = f"{strange[0]} is none of its members: {', '.join(names)}"
            raise BadInput(what=f"option member_options of {self.name}", problem=problem)
        return names, folds

    def _by_folds(self, training: Training, names: Sequence[str], folds: int) -> Stack:
        """A linear model over what each member answers for blocks of time, after learning from the others."""
        rows = len(training.texts)
        answers = [np.zeros((rows, len(LABELS))) for _ in names]
        total = len(names) * (folds + 1)
        blocks = np.array_split(np.arange(rows), folds) if folds > 1 else np.array_split(np.arange(rows), 2)[1:]
        answered = np.concatenate(blocks)
        labels = training.labels[answered]
        if len(set(labels.tolist())) < len(LABELS):
            problem = "the newer half of the rows lacks a label; more folds use all"
            raise TrainingRefused(family=self.name, problem=problem)
        for fold, block in enumerate(blocks):
            rest = np.setdiff1d(np.arange(rows), block)
            for place, name in enumerate(names):
                done = (fold * len(names) + place, total)
                model = self._member(name, training, rest, done, f"fold-{fold}")
                answers[place][block] = model.predict_proba([training.texts[row] for row in block])
        features = features_of([part[answered] for part in answers])
        temperature, notes = calibrated(features, labels, np.array_split(np.arange(len(labels)), max(folds, 2)))
        coefficients, intercept = fit_linear(features, labels)
        every = np.arange(rows)
        members = {
            name: self._member(name, training, every, (folds * len(names) + place, total), "whole")
            for place, name in enumerate(names)
        }
        return Stack(members, coefficients, intercept, temperature, {"members": list(names), **notes})

    def _by_newest(self, training: Training, names: Sequence[str]) -> Stack:
        """One weight for each member, from what it answers for the newest rows without having learned from them."""
        rows = len(training.texts)
        every, cut = np.arange(rows), rows - int(rows * NEWEST)
        texts = list(training.texts[cut:])
        others = [name for name in names if name not in self._resumable]
        total, done, members, logs = len(names) + len(others), 0, {}, []
        for name in names:
            members[name] = self._member(name, training, every, (done, total), "whole", newest=True)
            answering: Model = members[name]
            done += 1
            if name in others:
                answering = self._member(name, training, every[:cut], (done, total), "earlier")
                done += 1
            logs.append(features_of([answering.predict_proba(texts)]))
        labels = training.labels[cut:]
        powers, temperature, notes = pooled(logs, labels, shares_as_in(training.labels, labels))
        notes["weights"] = {name: round(float(power), 4) for name, power in zip(names, powers, strict=True)}
        coefficients = np.hstack([power * np.eye(len(LABELS)) for power in powers])
        return Stack(members, coefficients, np.zeros(len(LABELS)), temperature, {"members": list(names), **notes})

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

    def _member(
        self,
        name: str,
        training: Training,
        rows: NDArray[np.int64],
        done: tuple[int, int],
        place: str,
        *,
        newest: bool = False,
    ) -> Model:
        before, total = done
        options = dict(training.options.get("member_options", {}).get(name, {}))
        if newest and name in self._resumable and options.setdefault("later", NEWEST) != NEWEST:
            problem = f"without folds it is {NEWEST}, the rows that weigh the members"
            raise BadInput(what=f"option later of {name} in a stack", problem=problem)
        kept = training.options.get("checkpoints")
        if kept is not None and name in self._resumable:
            options.setdefault("checkpoints", str(Path(kept) / place / name))

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
