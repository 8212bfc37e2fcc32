"""The evidence of a decision as a record: serialised once as canonical JSON, hashed, and parsed by every reader.

The JSON keys are part of the hashed text: they stay fixed even when fields of this record are renamed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation.aims import Aim
from sentiment_lib.evaluation.checklist import ChecklistResult
from sentiment_lib.evaluation.comparison import Comparison
from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.evaluation.data_checks import DataChecks
from sentiment_lib.evaluation.judgement_methods import FIRST, JudgedSample
from sentiment_lib.evaluation.look_budget import LookBudget
from sentiment_lib.hashing import canonical_json
from sentiment_lib.records import Answer, RuleVerdict
from sentiment_lib.statistics.metrics import Ints
from sentiment_lib.statistics.paired_counts import confusion_matrices

#: JSON key of a version's ancestors; absent when it has none.
ANCESTORS_KEY = "learned_from_versions"
#: JSON keys of the judgement method and of the evaluated sample; absent under method 1.
METHOD_KEY, SAMPLE_KEY = "method", "judged_sample"
#: JSON keys of the aim and of the look's budget; absent before method 3.
AIM_KEY, BUDGET_KEY = "aim", "look_budget"


@dataclass(frozen=True, kw_only=True)
class HyperparameterSearch:
    """How a candidate's hyperparameters were chosen; the search saw training rows only."""

    configurations: int
    trials: int
    #: hyperparameters that differ from the family's defaults
    found: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class EvaluatedVersion:
    """One of the two model versions that were compared."""

    version: int
    family: str
    #: SHA-256 of the package's manifest
    digest: str
    #: versions that it was warm-started from or distilled from, directly or not; nearest first
    ancestors: tuple[int, ...] = ()
    search: HyperparameterSearch | None = None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The complete evidence for a decision."""

    snapshot_id: int
    #: SHA-256 of the snapshot's rows
    snapshot_hash: str
    candidate: EvaluatedVersion
    champion: EvaluatedVersion
    #: holdout rows that both were evaluated on
    rows: int
    #: holdout rows excluded because either version, an ancestor or a teacher was trained on them
    excluded_rows: int
    #: earlier uses of this champion's holdout that count against the error budget
    looks_before: int
    comparison: Comparison
    checklist: ChecklistResult
    cost: Cost
    data_checks: DataChecks
    #: the gate's policy at that time, as JSON values
    policy: Mapping[str, Any]
    verdict: Answer
    rules: tuple[RuleVerdict, ...]
    #: method of `judgement_methods`
    method: int = FIRST
    #: origin of the evaluated rows; None under method 1
    sample: JudgedSample | None = None
    #: what the candidate had to show; None before method 3
    aim: Aim | None = None
    #: what the look spent; None before method 3
    budget: LookBudget | None = None

    @property
    def metric(self) -> str:
        """Name of the main metric."""
        return self.comparison.main.metric

    @property
    def champion_confusion(self) -> Ints:
        """Confusion matrix (3, 3) of the champion on the holdout: rows true labels, columns predictions."""
        return confusion_matrices(self.comparison.cells)[0]

    @property
    def candidate_confusion(self) -> Ints:
        """Confusion matrix (3, 3) of the candidate on the holdout: rows true labels, columns predictions."""
        return confusion_matrices(self.comparison.cells)[1]

    @classmethod
    def from_json(cls, text: str) -> Evidence:
        """Parse recorded evidence. Raises BadInput when it is not JSON or a key is missing."""
        try:
            body = json.loads(text)
            return cls(
                snapshot_id=body["snapshot"]["id"],
                snapshot_hash=body["snapshot"]["content_hash"],
                candidate=_version(body["candidate"]),
                champion=_version(body["champion"]),
                rows=body["rows"],
                excluded_rows=body["left_out"],
                looks_before=body["looks_before"],
                comparison=Comparison.from_dict(body["comparison"]),
                checklist=ChecklistResult.from_dict(body["behaviours"]),
                cost=Cost(**body["cost"]),
                data_checks=DataChecks(**body["data_checks"]),
                policy=body["policy"],
                verdict=Answer(body["answer"]),
                rules=tuple(RuleVerdict(**rule) for rule in body["rules"]),
                method=body.get(METHOD_KEY, FIRST),
                sample=JudgedSample(**body[SAMPLE_KEY]) if SAMPLE_KEY in body else None,
                aim=Aim(**body[AIM_KEY]) if AIM_KEY in body else None,
                budget=LookBudget(**body[BUDGET_KEY]) if BUDGET_KEY in body else None,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(what="evidence", problem=f"{type(error).__name__}: {error}") from error

    def to_json(self) -> str:
        """Canonical JSON, the text that is hashed and stored; equal evidence gives equal bytes."""
        return canonical_json(
            {
                "snapshot": {"id": self.snapshot_id, "content_hash": self.snapshot_hash},
                "candidate": _as_dict(self.candidate),
                "champion": _as_dict(self.champion),
                "rows": self.rows,
                "left_out": self.excluded_rows,
                "looks_before": self.looks_before,
                "comparison": self.comparison.as_dict(),
                "behaviours": self.checklist.as_dict(),
                "cost": {name: value for name, value in asdict(self.cost).items() if value is not None},
                "data_checks": asdict(self.data_checks),
                "policy": self.policy,
                "answer": str(self.verdict),
                "rules": [asdict(rule) for rule in self.rules],
                # omitted when empty, so that evidence recorded without these keys stays byte-identical
                **({METHOD_KEY: self.method} if self.method > FIRST else {}),
                **({SAMPLE_KEY: asdict(self.sample)} if self.sample else {}),
                **({AIM_KEY: asdict(self.aim)} if self.aim else {}),
                **({BUDGET_KEY: self.budget.as_dict()} if self.budget else {}),
            }
        )


def _version(body: Mapping[str, Any]) -> EvaluatedVersion:
    search = body.get("search")
    return EvaluatedVersion(
        version=body["version"],
        family=body["family"],
        digest=body["digest"],
        ancestors=tuple(body.get(ANCESTORS_KEY, ())),
        search=HyperparameterSearch(**search) if search else None,
    )


def _as_dict(version: EvaluatedVersion) -> dict[str, Any]:
    """Optional keys are omitted when empty, so that evidence recorded without them stays byte-identical."""
    body: dict[str, Any] = {"version": version.version, "family": version.family, "digest": version.digest}
    if version.search:
        body["search"] = asdict(version.search)
    if version.ancestors:
        body[ANCESTORS_KEY] = list(version.ancestors)
    return body
