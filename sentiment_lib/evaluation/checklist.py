"""CheckList behavioural tests: templated cases that every sentiment model should get right.

Ribeiro, Wu, Guestrin, Singh 2020, "Beyond Accuracy: Behavioral Testing of NLP Models with CheckList", ACL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from sentiment_lib.evaluation.checklist_cases import Case, cases
from sentiment_lib.statistics.metrics import Floats, validate_predictions

#: A probability that must not fall may fall by TOLERANCE; one that must change must change by more than TINY.
TOLERANCE, TINY = 0.05, 1e-6
#: Failed cases kept as examples for each capability.
EXAMPLES = 2


@dataclass(frozen=True, kw_only=True)
class ChecklistResult:
    """Cases passed, by kind ("minimum functionality", "invariance", "direction") and capability."""

    #: kind -> capability -> (passed, cases)
    counts: Mapping[str, Mapping[str, tuple[int, int]]]
    #: capability -> texts of some failed cases
    failures: Mapping[str, tuple[str, ...]]

    def count(self, kind: str) -> tuple[int, int]:
        """Passed and all cases of a kind."""
        pairs = self.counts.get(kind, {}).values()
        return sum(passed for passed, _ in pairs), sum(number for _, number in pairs)

    def share(self, kind: str) -> float | None:
        """Share of a kind's cases that passed; None when there are none."""
        passed, number = self.count(kind)
        return passed / number if number else None

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> ChecklistResult:
        """The inverse of `as_dict`. Raises KeyError or ValueError for anything else."""
        return cls(
            counts={
                kind: {name: (int(passed), int(number)) for name, (passed, number) in capabilities.items()}
                for kind, capabilities in body["counts"].items()
            },
            failures={name: tuple(texts) for name, texts in body["failures"].items()},
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return {
            "counts": {
                kind: {name: list(pair) for name, pair in of_kind.items()} for kind, of_kind in self.counts.items()
            },
            "failures": {name: list(texts) for name, texts in self.failures.items()},
        }


def run(predict_proba: Callable[[Sequence[str]], ArrayLike]) -> ChecklistResult:
    """Score every distinct text once, in one batch, and test all cases.

    predict_proba: texts -> probabilities (n, 3) in the order of LABELS. Raises BadInput when it returns anything else.
    """
    all_cases = cases()
    texts = list(dict.fromkeys(text for case in all_cases for text in (case.text, case.changed) if text is not None))
    _, proba = validate_predictions([0] * len(texts), predict_proba(texts))
    row_of = {text: row for row, text in enumerate(texts)}
    counts: dict[str, dict[str, tuple[int, int]]] = {}
    failures: dict[str, tuple[str, ...]] = {}
    for case in all_cases:
        changed = proba[row_of[case.changed]] if case.changed is not None else None
        passed = _passes(case, proba[row_of[case.text]], changed)
        kind = counts.setdefault(case.kind, {})
        before, number = kind.get(case.capability, (0, 0))
        kind[case.capability] = (before + passed, number + 1)
        examples = failures.get(case.capability, ())
        if not passed and len(examples) < EXAMPLES:
            example = case.text if case.changed is None else f"{case.text} | {case.changed}"
            failures[case.capability] = (*examples, example)
    return ChecklistResult(counts=counts, failures=failures)


def _passes(case: Case, plain: Floats, changed: Floats | None) -> bool:
    if changed is None:
        return int(plain.argmax()) == case.label
    if case.label is None:
        return int(plain.argmax()) == int(changed.argmax())
    change = float(changed[case.label] - plain[case.label])
    if case.direction == 0:
        return change >= -TOLERANCE
    return case.direction * change > TINY
