"""The sentence over a replay: which policy, how sure, whether it beats never, and what the gate cost."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from sentiment_lib.replay.comparison import Comparison, Estimate, PolicyResult
from sentiment_lib.replay.cube import Cube
from sentiment_lib.replay.intervals import intervals
from sentiment_lib.replay.quality import block_values
from sentiment_lib.replay.simulation import Run
from sentiment_lib.statistics.metrics import Floats

#: A difference below this many shares is called none.
TINY = 0.0005


@dataclass(frozen=True, kw_only=True)
class Caution:
    """What the gate cost: promoting after every block without it, less with it."""

    lost: Estimate
    trainings: int
    promotions: int
    #: candidates that were held or rejected, and how many of them were worse than the champion on the next block
    blocked: int
    blocked_worse: int


def price_of_caution(cube: Cube, comparison: Comparison) -> Caution | None:
    """From the policy that always trains; None when it was not replayed."""
    free, gated = (find(comparison, "always", is_gated=is_gated) for is_gated in (False, True))
    return None if free is None or gated is None else caution_between(cube, comparison.matrix, free.run, gated.run)


def caution_between(cube: Cube, matrix: Floats, free: Run, gated: Run) -> Caution:
    """What the gate of one run cost against the other run, which has none; matrix: quality (models, blocks)."""
    served = cube.served
    values = block_values(matrix, served, free.serving) - block_values(matrix, served, gated.serving)
    champion_at = dict(zip(served, gated.serving, strict=True))
    blocked = [event.block for event in gated.events if event.answer is not None and not event.promoted]
    worse = [block for block in blocked if matrix[block, block + 1] < matrix[champion_at[block], block + 1]]
    return Caution(
        lost=Estimate(value=float(values.mean()), intervals=intervals(values)),
        trainings=len(gated.trainings),
        promotions=len(gated.promotions),
        blocked=len(blocked),
        blocked_worse=len(worse),
    )


def recommend(comparison: Comparison, price: float, *, among: Collection[str] | None = None) -> PolicyResult | None:
    """The policy with the least cost at this price of a training, the gate in the loop; of these names, or of all."""
    gated = [one for one in comparison.policies if one.run.gated and (among is None or one.run.policy in among)]
    return min(gated, key=lambda result: (_cost(result, price), len(result.run.trainings)), default=None)


def conclude(cube: Cube, comparison: Comparison, price: float) -> str:
    """The sentence. It says what is not shown, too."""
    best = recommend(comparison, price)
    assert best is not None, "no policy was replayed"
    gain, size = best.against_never, len(best.run.trainings)
    low, high = _widest(gain)
    rows = sum(cube.blocks[block].rows for block in cube.served)
    if size == 0:
        return (
            f"At {price:g} errors a training, no policy pays for its trainings on {rows:,} tweets: never retraining "
            "is the cheapest."
        )
    sure = "beats never retraining" if low > 0 else "does not certainly beat never retraining"
    text = (
        f"At {price:g} errors a training, “{best.title}” is the cheapest with the gate: {size} trainings and "
        f"{best.run.labels_to_train:,} labels gain {100 * gain.value:.1f} points of accuracy over never "
        f"({100 * low:.1f} to {100 * high:.1f}); it {sure}."
    )
    if best.freshness is not None:
        text += f" {100 * best.freshness.value:.1f} points of it are freshness, the rest is volume."
    if best.against_calendar is not None:
        difference = best.against_calendar
        lower, upper = _widest(difference)
        verdict = "better than" if lower > TINY else "worse than" if upper < -TINY else "not distinguishable from"
        text += (
            f" It is {verdict} a calendar of as many trainings ({100 * difference.value:+.1f} points, "
            f"{100 * lower:+.1f} to {100 * upper:+.1f})."
        )
    return text


def find(comparison: Comparison, name: str, *, is_gated: bool) -> PolicyResult | None:
    """The result of one policy, with the gate or without; None when it was not replayed."""
    return next((r for r in comparison.policies if r.run.policy == name and r.run.gated is is_gated), None)


def _cost(result: PolicyResult, price: float) -> float:
    size = len(result.run.trainings)
    errors = next(iter(result.money.values())) - float(next(iter(result.money))) * size
    return errors + price * size


def _widest(estimate: Estimate) -> tuple[float, float]:
    bounds = np.array(list(estimate.intervals.values()))
    return float(bounds[:, 0].min()), float(bounds[:, 1].max())
