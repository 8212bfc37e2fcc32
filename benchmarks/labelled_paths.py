"""A history on which only some tweets are labelled, as the label queue assigns them: half at random, half uncertain.

What is bought depends on the champion, so that each path has its own trainings: the prediction cube does not hold them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentiment_lib.evaluation import checklist
from sentiment_lib.families import catalog
from sentiment_lib.families.base import Model
from sentiment_lib.policy import Policy
from sentiment_lib.records import Answer
from sentiment_lib.replay import blocks as block_rules
from sentiment_lib.replay.blocks import Block
from sentiment_lib.replay.cell import Cell, Recipe
from sentiment_lib.replay.cube import Cube
from sentiment_lib.replay.history import NEVER, History
from sentiment_lib.replay.judge import Judge, Look
from sentiment_lib.replay.training_set import freeze, training_rows
from sentiment_lib.statistics.metrics import Floats, Ints
from sentiment_lib.steps.labelling.assign import kinds_in_order

#: Without a search for the strength of regularisation, which takes most of the time of a training.
RECIPE = Recipe(family="count_logreg", options={"c": 0.3})
POLICY = Policy.model_validate({"gate": {"bootstrap_rounds": 1000}})


@dataclass(frozen=True, kw_only=True)
class Queue:
    """How labels are bought."""

    #: share of each block's tweets that is labelled
    budget: float
    #: share of the labels that is drawn at random: `label.audit_share`
    audit_share: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class Path:
    """What came of it. Accuracy of each served block, by the champion and by the newest model of the block before."""

    champion: list[float]
    newest: list[float]
    promoted: int
    looks: int
    #: mean number of rows that judged
    judging_rows: float


@dataclass(frozen=True, kw_only=True)
class PickedHistory(History):
    """A history in which only the labels of an audit may judge, as in a snapshot."""

    #: mask (n,)
    audited: NDArray[np.bool_] = field(repr=False)

    def labelled_frame(self, rows: Ints) -> pd.DataFrame:
        """As of a history; labels that were picked have no judging label."""
        frame = super().labelled_frame(rows)
        is_picked = ~self.audited[rows]
        frame.loc[is_picked, "label_source"] = "person"
        frame.loc[is_picked, ["judging_label", "judging_source"]] = None
        return frame


@dataclass(frozen=True, kw_only=True)
class Scored(Cell):
    """A cell that scores a tweet when it is asked for."""

    model: Model = field(repr=False)
    text: list[str] = field(repr=False)

    def of(self, rows: Ints) -> Floats:
        """Probabilities (n, 3) of these rows (n,)."""
        places = rows - self.first
        if (unscored := rows[np.isnan(self.proba[places, 0])]).size:
            self.proba[unscored - self.first] = self.model.predict_proba([self.text[row] for row in unscored])
        return self.proba[places]


def walk(history: History, written: str, queue: Queue) -> Path:
    """Train and judge after every block of the history but the last."""
    parts = block_rules.parse(history, written)
    random = np.random.default_rng([20150225, queue.seed]).random(history.rows)
    unbought = {item: getattr(history, item) for item in History.__dataclass_fields__ if item != "known_at"}
    known = PickedHistory(
        **unbought, known_at=np.full(history.rows, NEVER), audited=np.zeros(history.rows, dtype=np.bool_)
    )
    cells: list[Cell | None] = [None] * (len(parts) - 1)
    champion, looks, promoted, sizes = -1, list[Look](), 0, list[int]()
    served, newest = list[float](), list[float]()
    gate = POLICY.gate if not history.absent else POLICY.gate.model_copy(update={"minimum_label_share": 0.0})
    for part in parts[:-1]:
        rows = np.arange(part.start, part.end)
        known = _buy(known, part, queue, random[rows], cells[champion] if champion >= 0 else None)
        cells[part.number] = new = _train(known, part, f"{queue} {part.number}")
        if new is None:
            continue
        cube = Cube(history=known, blocks=parts, recipe=RECIPE, cells=tuple(cells), confusions=np.empty(0, np.int64))
        if champion < 0:
            champion = part.number
        else:
            judge = Judge(cube, gate)
            budget, look = judge.budget(part.number, champion, looks)
            verdict = judge.judge(part.number, champion, budget)
            looks.append(judge.after(look, verdict))
            sizes.append(len(new.holdout))
            if verdict.answer is Answer.PROMOTE:
                champion, promoted = part.number, promoted + 1
        following = parts[part.number + 1]
        served.append(_accuracy(known, cube.cell(champion), following))
        newest.append(_accuracy(known, new, following))
    return Path(champion=served, newest=newest, promoted=promoted, looks=len(looks), judging_rows=float(np.mean(sizes)))


def _buy(known: PickedHistory, part: Block, queue: Queue, random: Floats, champion: Cell | None) -> PickedHistory:
    """The history with this block's labels; before there is a champion, all of them are drawn at random."""
    count = int(queue.budget * part.rows)
    kinds = [kinds_in_order(position, queue.audit_share)[1] for position in range(1, count + 1)]
    drawn = count if champion is None else kinds.count("audit")
    order = np.argsort(random)
    audit, others = order[:drawn], np.sort(order[drawn:])
    picked = np.empty(0, dtype=np.int64)
    if champion is not None and drawn < count:
        newest = others[-POLICY.label.newest :]
        confidence = champion.of(part.start + newest).max(axis=1)
        ordered = newest[np.argsort(confidence, kind="stable")]
        picked = ordered[: min(count - drawn, int((confidence < POLICY.label.uncertain_below).sum()))]
        if len(picked) < count - drawn:  # where too few are uncertain, the queue offers the audit sample
            audit = order[: count - len(picked)]
            picked = np.setdiff1d(picked, audit)
    known_at, audited = known.known_at.copy(), known.audited.copy()
    known_at[part.start + np.concatenate([audit, picked])] = part.clock
    audited[part.start + audit] = True
    return replace(known, known_at=known_at, audited=audited)


def _train(known: PickedHistory, part: Block, key: str) -> Scored | None:
    rows = training_rows(known, part)
    frozen = freeze(known, rows, POLICY.snapshot)
    if frozen is None or len(frozen.train) < POLICY.retrain.minimum_rows:
        return None
    texts = [known.text[row] for row in frozen.train]
    labels = known.label[frozen.train].tolist()
    created = frozen.frame.loc[frozen.frame["part"] == "train", "created_at"].tolist()
    model = catalog.train(
        RECIPE.family,
        texts,
        labels,
        seed=RECIPE.seed,
        created_at=created,
        absent=known.absent,
        **RECIPE.options,
    )
    return Scored(
        block=part.number,
        key=key,
        content_hash=frozen.content_hash,
        train=frozen.train,
        holdout=frozen.holdout,
        first=frozen.first,
        proba=np.full((known.rows - frozen.first, 3), np.nan),
        checklist=checklist.run(model.predict_proba),
        train_seconds=0.0,
        score_seconds=0.0,
        model=model,
        text=known.text,
    )


def _accuracy(known: History, cell: Cell, part: Block) -> float:
    rows = np.arange(part.start, part.end)
    return float((cell.of(rows).argmax(axis=1) == known.label[rows]).mean())
