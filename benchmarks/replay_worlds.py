"""Does the replay lab recommend the right policy where the truth is known?

    python -m benchmarks.replay_worlds [--quick] [--check] [--cache build/replay]

A policy is recommended by one draw of a world and scored on the next one, so that it is not chosen on what scores it.
--quick: 2 draws of each world instead of 20. Last line: JSON.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy.stats import binomtest

from benchmarks import claim
from benchmarks.scripted_worlds import WORLDS, World, history
from sentiment_lib.policy import Policy
from sentiment_lib.replay import blocks, production
from sentiment_lib.replay import cube as prediction_cube
from sentiment_lib.replay.cell import Recipe
from sentiment_lib.replay.comparison import Comparison, PolicyResult, compare_policies
from sentiment_lib.replay.conclusion import recommend
from sentiment_lib.replay.judge import Judge
from sentiment_lib.replay.memory import Memory
from sentiment_lib.replay.policy_file import RetrainingPolicy, shipped_policies
from sentiment_lib.replay.simulation import Conditions

#: Points of macro-F1 that the recommended policy may be below the best one in hindsight, and in which share of worlds.
POINTS, SHARE = 1.0, 0.9
SEEDS, FEW_SEEDS = 20, 2
#: Without a search for the strength of regularisation, which takes most of the time of a training.
RECIPE = Recipe(family="count_logreg", options={"c": 0.3})
#: Wrong predictions that a training is worth.
PRICE = Conditions().price
#: Invented words say nothing in the English sentences of the behavioural tests, which would reject every model.
BEHAVIOUR = dict.fromkeys(("minimum_functionality", "minimum_invariance", "minimum_direction"), 0.0)
POLICY = Policy.model_validate({"gate": {"bootstrap_rounds": 1000, **BEHAVIOUR}})


@dataclass(frozen=True, kw_only=True)
class Score:
    """The policy that one draw recommended, on the next draw."""

    recommended: str
    best: str
    #: points of macro-F1 below the policy with the highest one
    below_best: float
    #: labels that were bought to train and to decide, minus those of the best policy
    more_labels: int


def policies(*, quick: bool) -> list[RetrainingPolicy]:
    """The policies that the platform can adopt; quick: those without a drift check, which takes most of the time."""
    found = [policy for policy in shipped_policies() if production.is_in_production(policy)]
    return [one for one in found if not (quick and any(rule.kind == "drift" for rule in one.rules))]


def compare(world: World, seed: int, chosen: Sequence[RetrainingPolicy], cache: Path) -> Comparison:
    """All policies on one draw of a world."""
    drawn = history(world, seed)
    cube = prediction_cube.build(drawn, blocks.parse(drawn, "day"), RECIPE, POLICY, cache / "cells")
    memory = Memory()
    return compare_policies(cube, chosen, Conditions(price=PRICE), Judge(cube, POLICY.gate, memory), memory=memory)


def score(chosen_on: Comparison, scored_on: Comparison) -> Score:
    """What a draw recommends, scored on another."""
    recommended = recommend(chosen_on, PRICE)
    assert recommended is not None
    gated = [one for one in scored_on.policies if one.run.gated]
    own = next(one for one in gated if one.run.policy == recommended.run.policy)
    best = max(gated, key=lambda one: (_macro_f1(one), -len(one.run.trainings)))
    return Score(
        recommended=own.run.policy,
        best=best.run.policy,
        below_best=100 * (_macro_f1(best) - _macro_f1(own)),
        more_labels=_labels(own) - _labels(best),
    )


def _macro_f1(result: PolicyResult) -> float:
    return result.quality.by_tweet["macro_f1"]


def _labels(result: PolicyResult) -> int:
    return result.run.labels_to_train + result.run.labels_to_decide


def measure(cache: Path, *, quick: bool) -> dict[str, Any]:
    """Scores of all worlds, and whether the bounds hold."""
    chosen, count = policies(quick=quick), FEW_SEEDS if quick else SEEDS
    worlds, still, moving = dict[str, Any](), list[Score](), list[Score]()
    for world in WORLDS:
        drawn = [compare(world, seed, chosen, cache) for seed in range(count)]
        scores = [score(one, drawn[(seed + 1) % count]) for seed, one in enumerate(drawn)]
        (still if world.stands_still else moving).extend(scores)
        names = sorted(one.recommended for one in scores)
        worlds[world.name] = {
            "recommended": {name: names.count(name) for name in dict.fromkeys(names)},
            "most_points_below_best": round(max(one.below_best for one in scores), 2),
            "within": sum(one.below_best <= POINTS for one in scores),
            "no_more_labels": sum(one.more_labels <= 0 for one in scores),
            "draws": count,
        }
        print(f"{world.name}: {worlds[world.name]}", flush=True)
    every = still + moving
    within = sum(one.below_best <= POINTS for one in every)
    never = sum(one.recommended == "never" for one in still) / len(still)
    trains = sum(one.recommended != "never" for one in moving) / len(moving)
    # of a few draws, as far as chance allows
    most = binomtest(within, len(every)).proportion_ci(0.95).high if quick else within / len(every)
    return {
        "worlds": worlds,
        "share_within_a_point": round(within / len(every), 3),
        "never_where_it_should": round(never, 3),
        "trains_where_something_changes": round(trains, 3),
        "held": most >= SHARE and never >= SHARE and trains > 0.5,
    }


if __name__ == "__main__":
    sys.exit(claim.main("replay_worlds", __doc__, measure))
