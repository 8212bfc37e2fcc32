"""The page of a replay: one file without scripts or foreign addresses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sentiment_lib.pages import templates
from sentiment_lib.steps.replay import pictures


def render(result: dict[str, Any]) -> str:
    """The HTML of `ReplayResult.as_dict`."""
    pictures.number_policies([result])
    # of the policy that always trains where it was replayed, or else of the last one
    gated = [policy for policy in result["comparison"]["policies"] if policy["run"]["gated"]]
    shown = next((policy for policy in gated if policy["run"]["policy"] == "always"), gated[-1])
    environment = templates.environment(Path(__file__).parent / "templates")
    return environment.get_template("replay.html").render(
        result=result,
        quality=pictures.quality(result),
        freshness=pictures.freshness(result),
        cost=pictures.cost(result),
        heat_map=pictures.heat_map(result, shown),
        shown=shown,
        timeline=pictures.timeline,
        trainings=pictures.trainings,
        promotions=pictures.promotions,
        percent=lambda share: f"{100 * share:.2f}",
        points=lambda share: f"{100 * share:+.2f}",
        bounds=_bounds,
        spread=_spread,
    )


def _bounds(estimate: dict[str, Any]) -> str:
    low, high = estimate["intervals"]["2"]
    return "" if low is None or high is None else f"{100 * low:+.1f} to {100 * high:+.1f}"


def _spread(estimate: dict[str, Any]) -> str:
    """The intervals of all lengths of the moving blocks."""
    parts = [
        f"{100 * low:.2f} to {100 * high:.2f} with blocks of {length}"
        for length, (low, high) in estimate["intervals"].items()
        if low is not None and high is not None
    ]
    return "; ".join(parts) or "too few blocks for an interval"
