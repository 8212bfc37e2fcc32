"""Section of a decision's page: what followed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from sentiment_lib.evaluation import outcome_text
from sentiment_lib.evaluation.outcome import CostComparison
from sentiment_lib.policy import Policy
from sentiment_lib.records import DecisionRecord
from sentiment_lib.steps.decisions import outcome


def view(connection: Connection, decision: DecisionRecord, policy: Policy) -> dict[str, Any]:
    """Template values: promised and realised gain as text, and the costs of either choice as rows."""
    found = outcome.run(connection, decision, policy)
    promised = found.promised
    rows = [("holdout of the decision", found.cost_promised)]
    if found.realised.cost:
        rows.append(("later labels", found.realised.cost))
    return {
        "outcome": found,
        "promised": f"{outcome_text.points(promised.estimate, promised.low, promised.high)}, "
        f"{100 * promised.confidence:.4g} % interval"
        + (", corrected for having been selected" if promised.is_corrected else ""),
        "realised": outcome_text.realised(found.realised),
        "cost_rows": [_cost_row(name, cost) for name, cost in rows],
        "prices": policy.prices,
    }


def _cost_row(name: str, cost: CostComparison) -> tuple[str, ...]:
    figures = (cost.difference, cost.low, cost.high)
    difference, low, high = (f"{figure:+.0f}".replace("-", "−") for figure in figures)
    return name, f"{difference} ({low} to {high})", f"{cost.promoting:.0f}", f"{cost.waiting:.0f}"
