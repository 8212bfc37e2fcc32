"""The hash of what a verdict rests on: the same for a replayed decision and for the evidence that a step recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sentiment_lib.evaluation.aims import Aim
from sentiment_lib.evaluation.checklist import ChecklistResult
from sentiment_lib.evaluation.comparison import Comparison
from sentiment_lib.evaluation.data_checks import DataChecks
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.evaluation.look_budget import LookBudget
from sentiment_lib.evaluation.rules import limits
from sentiment_lib.hashing import canonical_json, hash_text
from sentiment_lib.policy import GatePolicy
from sentiment_lib.records import Answer, RuleVerdict


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A decision without what differs from one installation to another: numbers of versions, digests and cost."""

    rows: int
    #: rows of the holdout that the champion learned from
    excluded_rows: int
    comparison: Comparison
    checklist: ChecklistResult
    data_checks: DataChecks
    policy: Mapping[str, Any]
    answer: Answer
    rules: Sequence[RuleVerdict]
    method: int
    aim: Aim | None
    budget: LookBudget | None

    @classmethod
    def of(cls, evidence: Evidence) -> Judgement:
        """That of recorded evidence, whose rules on cost are left out: they are about the machine of the training."""
        policy = GatePolicy.model_validate({**evidence.policy})
        about_cost = {rule.rule for rule in limits.cost_rules(evidence.cost, policy)}
        return cls(
            rows=evidence.rows,
            excluded_rows=evidence.excluded_rows,
            comparison=evidence.comparison,
            checklist=evidence.checklist,
            data_checks=evidence.data_checks,
            policy=evidence.policy,
            answer=evidence.verdict,
            rules=[rule for rule in evidence.rules if rule.rule not in about_cost],
            method=evidence.method,
            aim=evidence.aim,
            budget=evidence.budget,
        )

    @property
    def digest(self) -> str:
        """SHA-256 of all of it as canonical JSON."""
        parts = {
            "rows": self.rows,
            "excluded_rows": self.excluded_rows,
            "comparison": self.comparison.as_dict(),
            "checklist": self.checklist.as_dict(),
            "data_checks": asdict(self.data_checks),
            "policy": self.policy,
            "answer": str(self.answer),
            "rules": [asdict(rule) for rule in self.rules],
            "method": self.method,
            "aim": asdict(self.aim) if self.aim else None,
            "budget": self.budget.as_dict() if self.budget else None,
        }
        return hash_text(canonical_json(parts))
