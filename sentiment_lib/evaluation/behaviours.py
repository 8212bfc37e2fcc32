"""Templated cases that every sentiment model should get right, whatever the holdout holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class BehaviourResult:
    """Cases passed, by capability and by kind ("minimum functionality", "invariance", "direction")."""

    #: kind -> capability -> (passed, cases)
    counts: Mapping[str, Mapping[str, tuple[int, int]]]

    def count(self, kind: str) -> tuple[int, int]:
        """Passed and all cases of a kind."""
        pairs = self.counts.get(kind, {}).values()
        return sum(passed for passed, _ in pairs), sum(cases for _, cases in pairs)

    def share(self, kind: str) -> float | None:
        """Share of a kind's cases that passed; None when there are none."""
        passed, cases = self.count(kind)
        return passed / cases if cases else None
