"""Stacking: several families, combined by a model over their out-of-fold probabilities.

Wolpert: Stacked Generalization, Neural Networks 5, 1992.
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
from sentiment_lib.families.calibration import apply_temperature, prior_weights, softmax
from sentiment_lib.families.ensemble.blending import cross_fit_temperature, fit_linear, fit_log_pool, log_features
from sentiment_lib.families.options import Number, parse_numbers
from sentiment_lib.records import LABELS

SETTINGS = "stack.json"
MEMBERS = ("tfidf_logreg", "fasttext", "use_logreg")
#: Time blocks, each predicted by members trained on the others. With 1 only the newer half is predicted, by members
#: trained on the older half. With 0 only the newest rows are, which a network holds out anyway: it is then trained
#: once, so this is the cheapest choice with a network among the members.
FOLDS = Number(3, 0, 20)
#: Newest share of the rows, on which the members' weights are fitted without folds.
NEWEST = 0.1
OTHER_OPTIONS = ("members", "member_options", "checkpoints")


class Stack:
    """Members, and a linear model over their log probabilities."""

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
        #: circumstances of the serving members' trainings, by member; not saved
        circumstances = {name: getattr(member, "circumstances", None) for name, member in members.items()}
        self.circumstances = {name: facts for name, facts in circumstances.items() if facts}
        self.weights = tuple({name for member in members.values() for name in getattr(member, "weights", ())})
        self._members = dict(members)
        self._coefficients = coefficients
        self._intercept = intercept
        self._temperature = temperature

    def predict_proba(self, texts: Sequence[str]) -> Probabilities:
        """Probabilities (n, 3)."""
        if not len(texts):
            return np.empty((0, len(LABELS)))
        features = log_features([member.predict_proba(texts) for member in self._members.values()])
        # a sum over columns: the rounding of a matrix product can depend on the number of rows
        scores = (features[:, None, :] * self._coefficients).sum(axis=2) + self._intercept
        return apply_temperature(softmax(scores), self._temperature)

    @property
    def memory_mb(self) -> float:
        """Megabytes of the members; the linear model is negligible."""
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


class StackFamily(Family):
    """A stack of other families.

    Options: `members` (names of families), `member_options` (options by member's name), `folds`, `checkpoints`.

    Each training of a fine-tunable member has a folder of its own below `checkpoints`: after a kill the finished ones
    are loaded from there, and the one that was interrupted resumes. The caller removes the folder when the model is
    stored.
    """

    name = "stack"
    licence = "those of its members"

    def __init__(self, family: Callable[[str], Family]) -> None:
        self._family = family

    def resumes(self, options: Mapping[str, Any]) -> bool:
        """Whether the training of any member does."""
        return any(family.resumes(own) for family, own in self._with_options(options))

    def reads_unlabelled(self, options: Mapping[str, Any]) -> bool:
        """Whether any member does."""
        return any(family.reads_unlabelled(own) for family, own in self._with_options(options))

    def distils(self, options: Mapping[str, Any]) -> bool:
        """Whether any member does."""
        return any(family.distils(own) for family, own in self._with_options(options))

    def train(self, training: Training) -> Model:
        """Train the members, the combination on rows that they have not seen, and on all rows for serving."""
        names, folds = self._parse(training)
        training.require_all_labels(self.name, at_least=2 * max(folds, 1))
        stack = self._train_with_folds(training, names, folds) if folds else self._train_on_newest(training, names)
        training.report(self.name, 1.0, "trained")
        return stack

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

    def _with_options(self, options: Mapping[str, Any]) -> list[tuple[Family, Mapping[str, Any]]]:
        """Each member with its own options."""
        member_options = options.get("member_options", {})
        return [(self._family(name), member_options.get(name, {})) for name in self._members(options)]

    def _members(self, options: Mapping[str, Any]) -> list[str]:
        members = options.get("members", MEMBERS)
        if isinstance(members, str):
            raise BadInput(what=f"option members of {self.name}", problem=f"'{members}' is one word; a list is needed")
        return [str(name) for name in members]

    def _parse(self, training: Training) -> tuple[list[str], int]:
        """Members and folds; BadInput or TrainingRefused where they cannot form a stack."""
        names = self._members(training.options)
        folds = parse_numbers(self.name, training.options, {"folds": FOLDS}, others=OTHER_OPTIONS)["folds"]
        if self.name in names or len(set(names)) < len(names) or len(names) < 2:
            raise TrainingRefused(family=self.name, problem=f"two or more different members are needed, got {names}")
        if strangers := sorted(set(training.options.get("member_options", {})) - set(names)):
            problem = f"{strangers[0]} is none of its members: {', '.join(names)}"
            raise BadInput(what=f"option member_options of {self.name}", problem=problem)
        return names, folds

    def _train_with_folds(self, training: Training, names: Sequence[str], folds: int) -> Stack:
        """Logistic regression over each member's out-of-fold predictions."""
        rows = len(training.texts)
        predictions = [np.zeros((rows, len(LABELS))) for _ in names]
        total = len(names) * (folds + 1)
        blocks = np.array_split(np.arange(rows), folds) if folds > 1 else np.array_split(np.arange(rows), 2)[1:]
        predicted = np.concatenate(blocks)
        labels = training.labels[predicted]
        if len(set(labels.tolist())) < len(LABELS):
            problem = "the newer half of the rows lacks a label; more folds use all"
            raise TrainingRefused(family=self.name, problem=problem)
        for fold, block in enumerate(blocks):
            rest = np.setdiff1d(np.arange(rows), block)
            for index, name in enumerate(names):
                done = (fold * len(names) + index, total)
                model = self._train_member(name, training, rest, done, f"fold-{fold}")
                predictions[index][block] = model.predict_proba([training.texts[row] for row in block])
        features = log_features([proba[predicted] for proba in predictions])
        temperature, notes = cross_fit_temperature(
            features, labels, np.array_split(np.arange(len(labels)), max(folds, 2))
        )
        coefficients, intercept = fit_linear(features, labels)
        every = np.arange(rows)
        members = {
            name: self._train_member(name, training, every, (folds * len(names) + index, total), "whole")
            for index, name in enumerate(names)
        }
        return Stack(members, coefficients, intercept, temperature, {"members": list(names), **notes})

    def _train_on_newest(self, training: Training, names: Sequence[str]) -> Stack:
        """One weight for each member, from its predictions for the newest rows, which it did not learn from."""
        rows = len(training.texts)
        every, split = np.arange(rows), rows - int(rows * NEWEST)
        texts = list(training.texts[split:])
        # these do not hold out rows of their own, so they need a second training without the newest
        others = [name for name in names if not self._family(name).fine_tunable]
        total, done, members, logs = len(names) + len(others), 0, {}, []
        for name in names:
            members[name] = self._train_member(name, training, every, (done, total), "whole", newest=True)
            model: Model = members[name]
            done += 1
            if name in others:
                model = self._train_member(name, training, every[:split], (done, total), "earlier")
                done += 1
            logs.append(log_features([model.predict_proba(texts)]))
        labels = training.labels[split:]
        weights, temperature, notes = fit_log_pool(logs, labels, prior_weights(training.labels, labels))
        notes["weights"] = {name: round(float(weight), 4) for name, weight in zip(names, weights, strict=True)}
        coefficients = np.hstack([weight * np.eye(len(LABELS)) for weight in weights])
        return Stack(members, coefficients, np.zeros(len(LABELS)), temperature, {"members": list(names), **notes})

    def _train_member(
        self,
        name: str,
        training: Training,
        rows: NDArray[np.int64],
        done: tuple[int, int],
        folder: str,
        *,
        newest: bool = False,
    ) -> Model:
        """Train one member on these rows; `done` are the member trainings that are finished, and all of them."""
        finished, total = done
        family = self._family(name)
        options = dict(training.options.get("member_options", {}).get(name, {}))
        if newest and family.fine_tunable and options.setdefault("later", NEWEST) != NEWEST:
            problem = f"without folds it is {NEWEST}, the rows that weigh the members"
            raise BadInput(what=f"option later of {name} in a stack", problem=problem)
        checkpoints = training.options.get("checkpoints")
        if checkpoints is not None and family.fine_tunable:
            options.setdefault("checkpoints", str(Path(checkpoints) / folder / name))

        def progress(share: float, doing: str) -> bool:
            training.report(self.name, (finished + share) / total * 0.99, f"{name}: {doing}")
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
        return family.train(part)
