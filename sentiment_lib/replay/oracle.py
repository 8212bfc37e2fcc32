"""The best plan in hindsight: when to retrain, if every training is promoted at once. Exact dynamic programmes.

A plan is the set of blocks at whose end a model is trained and promoted; c[i, j] is what model i costs on block j.
Three bounds: for each number of trainings, for a price of a training, and the half-split plan, which is chosen on one
half of each block's rows and scored on the other, so that it does not profit from the noise of what it is scored on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sentiment_lib.statistics.metrics import Floats


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Blocks at whose end a model is trained, in order, and the plan's cost without the price of trainings."""

    trainings: tuple[int, ...]
    cost: float


def best_plans(cost: Floats, start: int) -> list[Plan]:
    """The cheapest plan of 0, 1, … trainings after the first model, that of block `start`.

    cost: (models, blocks), finite where a model exists and can serve, nan elsewhere; time O(models^2 * trainings).
    """
    blocks, models = cost.shape[1], _models(cost, start)
    best: list[dict[int, tuple[float, tuple[int, ...]]]] = []
    whole = {model: float(np.sum(cost[model, model + 1 : blocks])) for model in models}
    best.append({model: (whole[model], ()) for model in models})
    for _ in range(1, len(models)):
        level: dict[int, tuple[float, tuple[int, ...]]] = {}
        for model in models:
            options = [
                (float(np.sum(cost[model, model + 1 : later + 1])) + best[-1][later][0], (later, *best[-1][later][1]))
                for later in models
                if later > model and later in best[-1]
            ]
            if options:
                level[model] = min(options)
        if start not in level:
            break
        best.append(level)
    return [Plan(trainings=level[start][1], cost=level[start][0]) for level in best]


def best_plan(cost: Floats, start: int, price: float) -> Plan:
    """The plan with the least cost when each training after the first costs `price`."""
    return min(best_plans(cost, start), key=lambda plan: (plan.cost + price * len(plan.trainings), len(plan.trainings)))


def plan_cost(cost: Floats, start: int, trainings: Sequence[int]) -> float:
    """What a plan costs on a cost matrix."""
    total, current, due = 0.0, start, set(trainings)
    for block in range(start + 1, cost.shape[1]):
        current = block - 1 if block - 1 in due else current
        total += float(cost[current, block])
    return total


def half_split(halves: Sequence[tuple[Floats, Floats]], start: int) -> list[float]:
    """Cost of plans by their number of trainings, chosen on one half of the rows and scored on the other, and doubled.

    halves: cost matrices of the two halves of several random splits; the mean over splits and both directions.
    """
    found = []
    for first, second in halves:
        for chosen, scored in ((first, second), (second, first)):
            found.append([2 * plan_cost(scored, start, plan.trainings) for plan in best_plans(chosen, start)])
    return [float(value) for value in np.mean(found, axis=0)]


def _models(cost: Floats, start: int) -> list[int]:
    """Models from `start` on that exist, and so can serve the last block."""
    return [model for model in range(start, cost.shape[0]) if np.isfinite(cost[model, cost.shape[1] - 1])]
