"""A cell of the prediction cube: one trained model's probabilities of every later tweet, stored by content hash."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from sentiment_lib.errors import TrainingRefused
from sentiment_lib.evaluation import checklist
from sentiment_lib.evaluation.checklist import ChecklistResult
from sentiment_lib.families import catalog
from sentiment_lib.families.base import check_probabilities
from sentiment_lib.files import replace_atomically
from sentiment_lib.hashing import canonical_json, hash_text
from sentiment_lib.policy import SnapshotPolicy
from sentiment_lib.replay.history import History
from sentiment_lib.replay.memory import code_digest, library_versions
from sentiment_lib.replay.training_set import TrainingSet
from sentiment_lib.statistics.metrics import Floats, Ints
from sentiment_lib.text.normalise import active_version

#: Part of every key: a change of what a cell holds makes new cells, and so does one of the code that makes it.
FORMAT = 2
CODE = (
    "families",
    "statistics",
    "text",
    "evaluation/checklist.py",
    "evaluation/checklist_cases.py",
    "evaluation/holdout_split.py",
    "replay/cell.py",
    "replay/training_set.py",
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How every model of a replay is trained: what a training record's spec says, without the rows."""

    family: str = "tfidf_logreg"
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    #: learn from so many of the newest labels; None: from all
    newest: int | None = None


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The model trained at the end of `block`. Rows are of the history."""

    block: int
    #: what it depends on, as `cell_key` says it
    key: str
    content_hash: str
    train: Ints = field(repr=False)
    holdout: Ints = field(repr=False)
    #: first row that has probabilities: all rows from it on have
    first: int
    #: probabilities (rows of the history - first, 3)
    proba: Floats = field(repr=False)
    checklist: ChecklistResult = field(repr=False)
    #: CPU seconds of training and of scoring
    train_seconds: float
    score_seconds: float

    def of(self, rows: Ints) -> Floats:
        """Probabilities (n, 3) of these rows (n,), each of which is at `first` or later."""
        return self.proba[rows - self.first]


def cell_key(history: str, labelled: str, policy: SnapshotPolicy, recipe: Recipe, absent: tuple[int, ...]) -> str:
    """SHA-256 of all that a cell depends on: history, known labels, split, recipe, code, and versions of libraries.

    history: its digest; labelled: `training_set.labels_digest`. Known before the split, which takes seconds.
    """
    parts = {
        "format": FORMAT,
        "history": history,
        "labelled": labelled,
        "split": policy.model_dump(mode="json"),
        "family": recipe.family,
        "options": dict(recipe.options),
        "seed": recipe.seed,
        "absent": list(absent),
        "normaliser": active_version(),
        "code": code_digest(*CODE),
        "libraries": {name: found for name, found in library_versions().items() if name != "evidently"},
    }
    return hash_text(canonical_json(parts))


def train_cell(history: History, block: int, key: str, frozen: TrainingSet, recipe: Recipe) -> Cell | TrainingRefused:
    """Train and score; the refusal when the family cannot learn from these rows."""
    began = time.process_time()
    texts = [history.text[row] for row in frozen.train]
    labels = history.label[frozen.train].tolist()
    try:
        model = catalog.train(
            recipe.family,
            texts,
            labels,
            seed=recipe.seed,
            created_at=frozen.frame.loc[frozen.frame["part"] == "train", "created_at"].tolist(),
            absent=history.absent,
            **recipe.options,
        )
    except TrainingRefused as refusal:
        return refusal
    trained = time.process_time()
    later = history.text[frozen.first :]
    # each distinct text once: a text's place in a batch can change the last digits
    distinct = list(dict.fromkeys(later))
    place = {text: number for number, text in enumerate(distinct)}
    proba = check_probabilities(model, distinct)[[place[text] for text in later]]
    behaviours = checklist.run(model.predict_proba)
    scored = time.process_time()
    return Cell(
        block=block,
        key=key,
        content_hash=frozen.content_hash,
        train=frozen.train,
        holdout=frozen.holdout,
        first=frozen.first,
        proba=proba,
        checklist=behaviours,
        train_seconds=trained - began,
        score_seconds=scored - trained,
    )


def write_cell(path: Path, cell: Cell) -> None:
    """Store a cell; a reader sees all of it or nothing."""
    facts = {
        "content_hash": cell.content_hash,
        "first": cell.first,
        "checklist": cell.checklist.as_dict(),
        "train_seconds": cell.train_seconds,
        "score_seconds": cell.score_seconds,
    }
    with replace_atomically(path) as draft, draft.open("wb") as file:
        np.savez(
            file,
            train=cell.train.astype(np.int32),
            holdout=cell.holdout.astype(np.int32),
            proba=cell.proba,
            facts=np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8),
        )


def read_cell(path: Path, block: int) -> Cell | None:
    """The stored cell; None where there is none or it cannot be read, so that it is made again."""
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            facts = json.loads(stored["facts"].tobytes())
            return Cell(
                block=block,
                key=path.stem,
                content_hash=facts["content_hash"],
                train=stored["train"].astype(np.int64),
                holdout=stored["holdout"].astype(np.int64),
                first=int(facts["first"]),
                proba=stored["proba"],
                checklist=ChecklistResult.from_dict(facts["checklist"]),
                train_seconds=facts["train_seconds"],
                score_seconds=facts["score_seconds"],
            )
    except (OSError, ValueError, KeyError, BadZipFile, EOFError):
        return None
