"""Replay all policies on one history, and write the result as JSON and as one page."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sentiment_lib.errors import BadInput
from sentiment_lib.files import write_atomically
from sentiment_lib.hashing import canonical_json, hash_text
from sentiment_lib.policy import DriftPolicy, Policy
from sentiment_lib.replay import blocks as block_rules
from sentiment_lib.replay import cube as prediction_cube
from sentiment_lib.replay.cell import Recipe
from sentiment_lib.replay.comparison import Comparison, compare_policies
from sentiment_lib.replay.conclusion import Caution, conclude, find, price_of_caution
from sentiment_lib.replay.cube import Cube, Progress
from sentiment_lib.replay.draws import Draws, over_draws
from sentiment_lib.replay.history import NEVER, History, to_moment
from sentiment_lib.replay.judge import Judge
from sentiment_lib.replay.memory import Memory, code_digest, library_versions
from sentiment_lib.replay.policy_file import RetrainingPolicy
from sentiment_lib.replay.refit import Refit, refit_served
from sentiment_lib.replay.simulation import Conditions
from sentiment_lib.replay.training_set import training_rows
from sentiment_lib.steps.replay import page

#: Code whose change makes stored checks and verdicts be computed again.
DECIDING_CODE = (
    "drift",
    "evaluation",
    "statistics",
    "text",
    "replay/draws.py",
    "replay/judge.py",
    "replay/judgement.py",
    "replay/rules",
    "replay/simulation.py",
    "replay/view.py",
)


@dataclass(frozen=True, kw_only=True)
class ReplayOrder:
    """What is replayed, and under which conditions."""

    blocks: str = "day"
    recipe: Recipe = field(default_factory=Recipe)
    conditions: Conditions = field(default_factory=Conditions)
    label_delay: timedelta = timedelta(0)
    #: share of the labels that is ever bought
    label_share: float = 1.0
    #: draws of the audit sample
    draws: int = 200
    #: compare with models of the first one's number of labels, at one more small training a block
    freshness: bool = True
    #: train what the gate lets serve once more, on its holdout as well
    refit: bool = True
    jobs: int = 1


@dataclass(frozen=True, kw_only=True)
class ReplayResult:
    """One history, replayed. Shares, not per cent; no measured time, so that a repeated replay is the same file."""

    history: str
    rows: int
    labels: int
    #: (first row, rows, time of its end) of each block
    blocks: tuple[tuple[int, int, str], ...]
    start: int
    order: ReplayOrder
    conclusion: str
    caution: Caution | None
    #: of the policy that always trains, with the gate; None when it was not replayed
    refit: Refit | None
    comparison: Comparison = field(repr=False)
    draws: tuple[Draws, ...] = field(repr=False)

    def as_dict(self) -> dict[str, Any]:
        """JSON types only; what cannot be (a model that cannot serve a block) is null."""
        return {"format": 1, **_plain(asdict(self))}


def run(
    history: History,
    order: ReplayOrder,
    policies: Sequence[RetrainingPolicy],
    policy: Policy,
    cache: Path,
    *,
    progress: Progress | None = None,
) -> ReplayResult:
    """Build what is missing of the cube, and compare. A killed run continues from its stored trainings.

    Raises BadInput for a history, blocks or a family that cannot be replayed.
    """
    names = [one.name for one in policies]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadInput(what="the policies", problem=f"{twice[0]} is named twice")
    history = history.delayed(order.label_delay).thinned(order.label_share)
    parts = block_rules.parse(history, order.blocks)
    gate = policy.gate
    if history.absent:  # a class that the task does not have has no share of the training rows
        gate = gate.model_copy(update={"minimum_label_share": 0.0})
    cells = cache / "cells"

    def build(recipe: Recipe) -> Cube:
        return prediction_cube.build(history, parts, recipe, policy, cells, jobs=order.jobs, progress=progress)

    cube = build(order.recipe)
    same_volume = None
    if order.freshness:
        first = len(training_rows(history, parts[cube.start]))
        same_volume = build(replace(order.recipe, newest=first))
    # one file for each cube: a replay reads what it may need and no more
    defaults = DriftPolicy().model_dump(mode="json")
    about = hash_text(canonical_json([cube.digest, defaults, code_digest(*DECIDING_CODE), library_versions()]))
    memory = Memory(cache / "results" / f"{about[:16]}.jsonl", about=about)
    judge = Judge(cube, gate, memory)
    compared = compare_policies(cube, policies, order.conditions, judge, same_volume=same_volume, memory=memory)
    refit = None
    if order.refit and (always := find(compared, "always", is_gated=True)) is not None:
        refit = refit_served(cube, always.run.serving, cells, _per_training(progress))
    drawn = (over_draws(cube, one, order.conditions, order.draws, memory) for one in policies)
    return ReplayResult(
        history=history.name,
        rows=history.rows,
        labels=int((history.known_at != NEVER).sum()),
        blocks=tuple((block.start, block.rows, to_moment(block.clock).isoformat()) for block in parts),
        start=cube.start,
        order=order,
        conclusion=conclude(cube, compared, order.conditions.price),
        caution=price_of_caution(cube, compared),
        refit=refit,
        comparison=compared,
        draws=tuple(one for one in drawn if one is not None),
    )


def _per_training(progress: Progress | None) -> Callable[[int, int], None] | None:
    """Reports trainings of about the same size."""
    return None if progress is None else lambda done, count: progress(done, count, done / count)


def write(result: ReplayResult, folder: Path) -> tuple[Path, Path]:
    """Write NAME.json and NAME.html into the folder, each at once; returns both paths."""
    name = "".join(sign if sign.isalnum() else "-" for sign in f"{result.history} {result.order.blocks}".lower())
    data, shown = folder / f"{name}.json", folder / f"{name}.html"
    write_atomically(data, result.as_dict())
    write_atomically(shown, page.render(result.as_dict()))
    return data, shown


def _plain(value: Any) -> Any:
    """JSON values: arrays as lists, not-a-number as null, times in seconds."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
