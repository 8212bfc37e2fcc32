"""What chance does to policies that read the audit sample: the same history under many draws of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np

from sentiment_lib.replay.cube import Cube
from sentiment_lib.replay.memory import Memory
from sentiment_lib.replay.policy_file import RetrainingPolicy
from sentiment_lib.replay.quality import path_quality
from sentiment_lib.replay.rules.drift import Drift
from sentiment_lib.replay.simulation import Conditions, simulate


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Over `count` draws, without the gate: 5 %, 50 % and 95 % quantiles."""

    policy: str
    count: int
    trainings: tuple[float, float, float]
    accuracy: tuple[float, float, float]


def over_draws(
    cube: Cube, policy: RetrainingPolicy, conditions: Conditions, count: int, memory: Memory | None = None
) -> Draws | None:
    """None for a policy that reads no audit label, or whose drift check would be run anew for every draw."""
    if count < 1 or policy.reads != "audit" or any(isinstance(rule, Drift) for rule in policy.rules):
        return None

    def run(seed: int) -> tuple[int, float]:
        found = simulate(cube, policy, replace(conditions, audit_seed=seed), memory=memory)
        return len(found.trainings), path_quality(cube, found.serving).by_block["accuracy"]

    memory = Memory() if memory is None else memory
    key = {"draws": count, "rules": policy.model_dump(mode="json"), "conditions": asdict(conditions)}
    runs = memory.stored(key, lambda: [run(seed) for seed in range(count)])
    return Draws(
        policy=policy.name,
        count=count,
        trainings=_quantiles([trainings for trainings, _ in runs]),
        accuracy=_quantiles([accuracy for _, accuracy in runs]),
    )


def _quantiles(values: list[int] | list[float]) -> tuple[float, float, float]:
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return float(low), float(middle), float(high)
