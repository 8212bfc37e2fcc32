"""The prediction cube: model i trained once at the end of block i, with its probabilities of every later tweet.

Everything but the trainings follows from it: quality, gate, drift, estimates, sequential tests and the best plan in
hindsight. It is exact for families that learn from the labelled tweets of a snapshot alone; what is trained on more
(`inexact`) depends on the path that a policy took.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sentiment_lib.errors import BadInput, TrainingRefused
from sentiment_lib.families import catalog
from sentiment_lib.files import write_atomically
from sentiment_lib.policy import Policy
from sentiment_lib.replay.blocks import Block
from sentiment_lib.replay.cell import Cell, Recipe, cell_key, read_cell, train_cell, write_cell
from sentiment_lib.replay.history import History
from sentiment_lib.replay.training_set import freeze, labels_digest, training_rows
from sentiment_lib.statistics.metrics import Ints, confusion_matrix

#: Called with (trainings done, all trainings, share of the work that is done).
Progress = Callable[[int, int, float], None]


@dataclass(frozen=True, kw_only=True)
class Cube:
    """Models 0 to n - 2 of n blocks; None where too few labels were known or the family refused."""

    history: History = field(repr=False)
    blocks: tuple[Block, ...] = field(repr=False)
    recipe: Recipe
    cells: tuple[Cell | None, ...] = field(repr=False)
    #: counts (models, blocks, 3, 3) of label x prediction; zero where model and block do not fit
    confusions: Ints = field(repr=False)

    @property
    def start(self) -> int:
        """The block at whose end the first model could be trained; later blocks are served."""
        return next(number for number, cell in enumerate(self.cells) if cell is not None)

    @property
    def served(self) -> range:
        """Numbers of the blocks that are served and counted."""
        return range(self.start + 1, len(self.blocks))

    @property
    def digest(self) -> str:
        """SHA-256 of models, labels and blocks: what every decision on this cube depends on."""
        history, whole = self.history, hashlib.sha256()
        whole.update(f"{[cell and cell.key for cell in self.cells]} {[block.end for block in self.blocks]}".encode())
        whole.update(f"{history.digest()} {history.airline} {history.language}".encode())
        for values in (history.label, history.known_at):
            whole.update(values.astype("<i8").tobytes())
        return whole.hexdigest()

    def cell(self, block: int) -> Cell:
        """The model of this block. Raises KeyError when there is none."""
        cell = self.cells[block]
        if cell is None:
            raise KeyError(f"no model was trained at the end of block {block}")
        return cell


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A cell that is not stored: the labelled rows of its training, and where it will be."""

    block: int
    rows: Ints = field(repr=False)
    path: Path
    #: the file that says why it cannot be trained, in place of the cell
    refusal: Path


def build(
    history: History,
    blocks: tuple[Block, ...],
    recipe: Recipe,
    policy: Policy,
    folder: Path,
    *,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Cube:
    """Train what is not in the folder yet, and read the rest; a killed build goes on where it was.

    Raises BadInput when the shortcut is not
    exact for the recipe, when no block has enough labels before it, or for unknown options.
    """
    if reason := inexact(recipe):
        raise BadInput(what=f"replay of {recipe.family}", problem=reason)
    digest, cells = history.digest(), dict[int, Cell | None]()
    missing: list[Missing] = []
    for block in blocks[:-1]:
        rows = training_rows(history, block, recipe.newest)
        key = cell_key(digest, labels_digest(history, rows), policy.snapshot, recipe, history.absent)
        path = folder / f"{key}.npz"
        cells[block.number] = found = read_cell(path, block.number)
        # a refusal also depends on how many rows a training must have
        refusal = folder / f"{key} {policy.retrain.minimum_rows}.refused"
        if found is None and len(rows) >= policy.retrain.minimum_rows and not refusal.exists():
            missing.append(Missing(block=block.number, rows=rows, path=path, refusal=refusal))
    work, done = sum(len(one.rows) for one in missing), 0
    for number, (one, trained) in enumerate(_train_all(history, missing, recipe, policy, jobs), start=1):
        cells[one.block] = trained
        done += len(one.rows)
        if progress is not None:
            progress(number, len(missing), done / work)
    ordered = tuple(cells[number] for number in range(len(blocks) - 1))
    if all(cell is None for cell in ordered[:-1]):
        need = policy.retrain.minimum_rows + policy.snapshot.minimum_holdout
        problem = f"no model can be trained in time: {need} labels, some of each class, must be known before the last"
        raise BadInput(what=f"history {history.name}", problem=f"{problem} block")
    return Cube(
        history=history,
        blocks=blocks,
        recipe=recipe,
        cells=ordered,
        confusions=_confusions(history, blocks, ordered),
    )


def inexact(recipe: Recipe) -> str | None:
    """Why models of this recipe depend on the policy's path, so that one training of each block is not enough."""
    family = catalog.family(recipe.family)
    if family.distils(recipe.options):
        return "it learns from the champion's probabilities, which depend on what the policy promoted"
    if "start" in recipe.options:
        return "a warm start depends on what the policy promoted"
    if family.reads_unlabelled(recipe.options):
        return "it learns from unlabelled tweets of the platform, which a history does not have"
    return None


def _train_all(
    history: History, missing: Sequence[Missing], recipe: Recipe, policy: Policy, jobs: int
) -> Iterator[tuple[Missing, Cell | None]]:
    """Each missing cell as it is done; it is stored first."""
    if jobs < 2 or len(missing) < 2:
        for one in missing:
            yield one, _train_and_store(history, one, recipe, policy)
        return
    with ProcessPoolExecutor(jobs, initializer=_begin_worker, initargs=(history, recipe, policy)) as pool:
        # the largest first, so that no worker is left with a long one at the end
        largest = sorted(missing, key=lambda one: -len(one.rows))
        waiting = {pool.submit(_train_in_worker, one): one for one in largest}
        for future in as_completed(waiting):
            yield waiting[future], future.result()


def _train_and_store(history: History, one: Missing, recipe: Recipe, policy: Policy) -> Cell | None:
    frozen = freeze(history, one.rows, policy.snapshot)
    if frozen is None or len(frozen.train) < policy.retrain.minimum_rows:
        write_atomically(one.refusal, "too few rows are left to learn from, or to judge by")
        return None
    trained = train_cell(history, one.block, one.path.stem, frozen, recipe)
    if isinstance(trained, TrainingRefused):
        write_atomically(one.refusal, str(trained))
        return None
    write_cell(one.path, trained)
    return trained


#: What a worker process trains for, so that it is sent once.
_worker: dict[str, tuple[History, Recipe, Policy]] = {}


def _begin_worker(history: History, recipe: Recipe, policy: Policy) -> None:
    _worker["of"] = history, recipe, policy


def _train_in_worker(one: Missing) -> Cell | None:
    history, recipe, policy = _worker["of"]
    return _train_and_store(history, one, recipe, policy)


def _confusions(history: History, blocks: tuple[Block, ...], cells: tuple[Cell | None, ...]) -> Ints:
    counts = np.zeros((len(cells), len(blocks), 3, 3), dtype=np.int64)
    for model, cell in enumerate(cells):
        if cell is None:
            continue
        for block in blocks[model + 1 :]:
            rows = np.arange(block.start, block.end)
            counts[model, block.number] = confusion_matrix(history.label[rows], cell.of(rows).argmax(axis=1))
    return counts
