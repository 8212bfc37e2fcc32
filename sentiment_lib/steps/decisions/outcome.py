"""What followed a decision: promised against realised gain, and the expected loss of either choice."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection

from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.evaluation.outcome import (
    CostComparison,
    RealisedGain,
    compare_costs,
    measure_realised_gain,
    rows_of_cells,
)
from sentiment_lib.policy import Policy
from sentiment_lib.records import LABEL_CODES, DecisionRecord
from sentiment_lib.steps.decisions import selection
from sentiment_lib.storage import decisions, deployments, later_labels
from sentiment_lib.text.copies import first_of_each


@dataclass(frozen=True, kw_only=True)
class PromisedGain:
    """The gain on the holdout of the decision; is_corrected: for the candidate having been put forward."""

    estimate: float
    low: float
    high: float
    confidence: float
    is_corrected: bool


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A decision, what it promised and what later labels say."""

    decision_id: int
    verdict: str
    decided_at: datetime
    candidate: int
    champion: int
    #: whether the candidate became champion by this decision
    is_promoted: bool
    promised: PromisedGain
    #: on the holdout of the decision
    cost_promised: CostComparison
    realised: RealisedGain

    def as_dict(self) -> dict[str, Any]:
        """Nested dicts."""
        return asdict(self)


def run(connection: Connection, decision: DecisionRecord, policy: Policy) -> Outcome:
    """What followed this decision until now; texts that occur more than once count once.

    Raises BadInput when the evidence cannot be parsed.
    """
    evidence = Evidence.from_json(decision.evidence)
    main, corrected = evidence.comparison.main, selection.run(connection, decision)
    promised = PromisedGain(
        estimate=corrected.estimate if corrected else main.difference,
        low=corrected.low if corrected else main.low,
        high=corrected.high if corrected else main.high,
        confidence=corrected.confidence if corrected else 1 - 2 * main.level,
        is_corrected=corrected is not None,
    )
    y, old, new = rows_of_cells(evidence.comparison.cells)
    rows = later_labels.of_decision(connection, decision, auditors=policy.label.auditors)
    rows = [row for row, first in zip(rows, first_of_each([row.text for row in rows]), strict=True) if first]
    moved = deployments.of_decision(connection, decision.decision_id)
    return Outcome(
        decision_id=decision.decision_id,
        verdict=str(decision.verdict),
        decided_at=decision.decided_at,
        candidate=decision.candidate_version,
        champion=decision.champion_version,
        is_promoted=moved is not None and moved[1] == "done",
        promised=promised,
        cost_promised=compare_costs(y, old, new, np.ones(y.size), policy.prices),
        realised=measure_realised_gain(
            [LABEL_CODES[row.label] for row in rows],
            [LABEL_CODES[row.champion] for row in rows],
            [LABEL_CODES[row.candidate] for row in rows],
            [row.inclusion for row in rows],
            metric=evidence.metric,
            prices=policy.prices,
        ),
    )


def run_newest(connection: Connection, policy: Policy, limit: int) -> tuple[list[Outcome], list[int]]:
    """Outcomes of the newest decisions, newest first, and the ids of decisions whose evidence cannot be parsed."""
    outcomes, unreadable = [], []
    for decision in decisions.newest(connection, limit):
        try:
            outcomes.append(run(connection, decisions.full_record(connection, decision.decision_id), policy))
        except BadInput:
            unreadable.append(decision.decision_id)
    return outcomes, unreadable
