"""What it would bring to train a promoted model again on its holdout, too, before it serves.

The holdout has the newest labels, which the served model never learned from. Verdicts stay those of models that did not
see it: a refitted model is never judged on its own holdout, and so cannot change them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sentiment_lib.errors import TrainingRefused
from sentiment_lib.hashing import canonical_json, hash_text
from sentiment_lib.replay.cell import Cell, read_cell, train_cell, write_cell
from sentiment_lib.replay.comparison import Estimate
from sentiment_lib.replay.cube import Cube
from sentiment_lib.replay.intervals import intervals
from sentiment_lib.replay.memory import code_digest
from sentiment_lib.replay.training_set import TrainingSet

#: Called with (trainings done, all trainings).
Report = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Refit:
    """Served models, each against itself trained on its holdout, too."""

    #: accuracy of the refitted models minus that of the served ones, in shares
    gain: Estimate
    #: distinct models that served
    models: int


def refit_served(cube: Cube, serving: Sequence[int], folder: Path, report: Report | None = None) -> Refit | None:
    """The gain had each model of a path been refitted before it served; None when the family refuses one.

    serving: the model of each served block. Refitted models are stored in the folder, as cells are.
    """
    models = sorted(set(serving))
    stored = {model: read_cell(_path(cube, model, folder), model) for model in models}
    refitted = {model: cell for model, cell in stored.items() if cell is not None}
    missing = [model for model in models if model not in refitted]
    for number, model in enumerate(missing, start=1):
        found = refit_cell(cube, model, folder)
        if found is None:
            return None
        refitted[model] = found
        if report is not None:
            report(number, len(missing))
    return Refit(gain=gain(cube, serving, refitted), models=len(models))


def refit_cell(cube: Cube, model: int, folder: Path, *, same_volume: bool = False) -> Cell | None:
    """The model of this block, trained on its holdout as well, or the stored one; None when the family refuses.

    same_volume: on the newest of these rows, as many as the model learned from, so that what is left is freshness.
    """
    history, cell, path = cube.history, cube.cell(model), _path(cube, model, folder, same_volume=same_volume)
    if (stored := read_cell(path, model)) is not None:
        return stored
    rows = np.sort(np.concatenate([cell.train, cell.holdout]))
    if same_volume:
        rows = rows[-len(cell.train) :]
    frozen = TrainingSet(
        frame=history.labelled_frame(rows).assign(part="train"),
        content_hash=cell.content_hash,
        train=rows,
        holdout=np.empty(0, dtype=np.int64),
        first=int(rows[-1]) + 1,
    )
    trained = train_cell(history, model, path.stem, frozen, cube.recipe)
    if isinstance(trained, TrainingRefused):
        return None
    write_cell(path, trained)
    return trained


def _path(cube: Cube, model: int, folder: Path, *, same_volume: bool = False) -> Path:
    key = hash_text(canonical_json(["refit", cube.cell(model).key, same_volume, code_digest("replay/refit.py")]))
    return folder / f"{key}.npz"


def gain(cube: Cube, serving: Sequence[int], refitted: dict[int, Cell]) -> Estimate:
    """Accuracy of the refitted models minus that of the cube's own, the mean over the served blocks of a path."""
    values = np.array(
        [
            _accuracy(cube, refitted[model], block) - _accuracy(cube, cube.cell(model), block)
            for model, block in zip(serving, cube.served, strict=True)
        ]
    )
    return Estimate(value=float(values.mean()), intervals=intervals(values))


def _accuracy(cube: Cube, cell: Cell, block: int) -> float:
    rows = np.arange(cube.blocks[block].start, cube.blocks[block].end)
    return float((cell.of(rows).argmax(axis=1) == cube.history.label[rows]).mean())
