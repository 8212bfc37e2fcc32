"""What a policy may see when it decides: the history cut at its clock, and the champion that serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.replay.blocks import Block
from sentiment_lib.replay.cube import Cube
from sentiment_lib.replay.history import NEVER, Times
from sentiment_lib.replay.memory import Memory
from sentiment_lib.statistics.metrics import Floats, Ints

#: A label that is not known at the clock.
UNKNOWN = -1
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The serving model, with its probabilities of tweets up to the clock."""

    #: block at whose end it was trained
    model: int
    #: rows that it learned from
    train_rows: int
    #: first row that is later than its training rows
    first: int
    #: its holdout, rows of the history
    holdout: Ints = field(repr=False)
    #: probabilities (rows up to the clock - first, 3)
    proba: Floats = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class View:
    """Rows are those created up to the clock; arrays have one value for each."""

    #: blocks that have ended; the policy decides at the end of the last one
    blocks: tuple[Block, ...]
    text: list[str] = field(repr=False)
    #: class, or UNKNOWN where it is not known at the clock
    label: Ints = field(repr=False)
    airline: list[str | None] = field(repr=False)
    language: list[str | None] = field(repr=False)
    #: rows of the audit sample
    audited: NDArray[np.bool_] = field(repr=False)
    #: probability of a row to be in it
    inclusion: float
    #: seed of the draw
    draw: int
    #: when each label became known, as nanoseconds; NEVER where it is not known at the clock
    known_at: Times = field(repr=False)
    #: class that was predicted when the row was served, or UNKNOWN before the first model served
    predicted: Ints = field(repr=False)
    champion: Champion
    #: model and its rows of training of each block that was served, in order of the blocks
    served_by: tuple[tuple[int, int], ...]
    #: blocks at whose end a model was trained, the first one included
    trainings: tuple[int, ...]
    #: labels that were known at each of these trainings
    known_then: tuple[int, ...]
    #: wrong predictions that a training is worth
    price: float
    #: results of costly checks that other runs on the same cube may use
    memory: Memory = field(repr=False, compare=False)

    @property
    def block(self) -> Block:
        """The block that has just ended."""
        return self.blocks[-1]

    @property
    def known(self) -> int:
        """Labels known at the clock."""
        return int((self.label != UNKNOWN).sum())

    def rows(self, block: Block, *, audited: bool = False) -> Ints:
        """Rows of a block whose label is known and, if `audited`, that are in the audit sample."""
        rows = np.arange(block.start, block.end)
        usable = self.label[rows] != UNKNOWN
        return np.asarray(rows[usable & self.audited[rows]] if audited else rows[usable])

    def until(self, block: int) -> View:
        """The view at the end of an earlier block that this champion served."""
        now = self.blocks[block]
        known_at = self.known_at[: now.end]
        trained = sum(number <= block for number in self.trainings)
        return replace(
            self,
            blocks=self.blocks[: block + 1],
            text=self.text[: now.end],
            label=np.where(known_at <= now.clock, self.label[: now.end], UNKNOWN),
            known_at=np.where(known_at <= now.clock, known_at, NEVER),
            airline=self.airline[: now.end],
            language=self.language[: now.end],
            audited=self.audited[: now.end],
            predicted=self.predicted[: now.end],
            champion=replace(self.champion, proba=self.champion.proba[: now.end - self.champion.first]),
            served_by=self.served_by[: block - self.trainings[0]],
            trainings=self.trainings[:trained],
            known_then=self.known_then[:trained],
        )

    @property
    def served_before(self) -> list[int]:
        """Earlier blocks that this champion served."""
        first = self.trainings[0] + 1
        return [number for number, (model, _) in enumerate(self.served_by[:-1], first) if model == self.champion.model]

    def proba(self, rows: Ints) -> Floats:
        """The champion's probabilities (n, 3) of rows at `champion.first` or later."""
        return self.champion.proba[rows - self.champion.first]

    def once(self, key: tuple[Any, ...], compute: Callable[[], T]) -> T:
        """The result for this champion at this clock, computed by the first run that asks for it."""
        return self.memory.once((*key, *self._place), compute)

    def stored(self, key: tuple[Any, ...], compute: Callable[[], Any]) -> Any:
        """As `once`, and kept for later replays of the same cube; the result is a JSON value."""
        return self.memory.stored([*key, *self._place], compute)

    @property
    def _place(self) -> tuple[int, int, int]:
        # checks of earlier blocks that the champion served enter the later ones
        return self.champion.model, self.block.number, len(self.served_before)


@dataclass(frozen=True, kw_only=True)
class Past:
    """What a run has done so far."""

    champion: int
    served_by: tuple[tuple[int, int], ...]
    trainings: tuple[int, ...]
    known_then: tuple[int, ...]


def view_at(cube: Cube, block: int, past: Past, audit: Audit, price: float, memory: Memory) -> View:
    """The view at the end of this block. Nothing that is known or written later is in it."""
    history, now = cube.history, cube.blocks[block]
    cell = cube.cell(past.champion)
    is_known = history.known_at[: now.end] <= now.clock
    predicted = np.full(now.end, UNKNOWN, dtype=np.int64)
    for served, (model, _) in zip(cube.served, past.served_by, strict=False):
        rows = np.arange(cube.blocks[served].start, cube.blocks[served].end)
        predicted[rows] = cube.cell(model).of(rows).argmax(axis=1)
    return View(
        blocks=cube.blocks[: block + 1],
        text=history.text[: now.end],
        label=np.where(is_known, history.label[: now.end], UNKNOWN),
        known_at=np.where(is_known, history.known_at[: now.end], NEVER),
        predicted=predicted,
        airline=history.airline[: now.end],
        language=history.language[: now.end],
        audited=audit.drawn[: now.end],
        inclusion=audit.share,
        draw=audit.seed,
        champion=Champion(
            model=past.champion,
            train_rows=len(cell.train),
            first=cell.first,
            holdout=cell.holdout,
            proba=cell.proba[: now.end - cell.first],
        ),
        served_by=past.served_by,
        trainings=past.trainings,
        known_then=past.known_then,
        price=price,
        memory=memory,
    )


@dataclass(frozen=True, kw_only=True)
class Audit:
    """The audit sample of one seed: rows (n,) drawn with probability `share`."""

    share: float
    seed: int
    drawn: NDArray[np.bool_] = field(repr=False)

    @classmethod
    def draw(cls, cube: Cube, share: float, seed: int) -> Audit:
        """Independent of the models, as in production: the draw is keyed by the tweet."""
        return cls(
            share=share, seed=seed, drawn=np.random.default_rng([20150217, seed]).random(cube.history.rows) < share
        )
