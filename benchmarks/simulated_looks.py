"""What the looks of a simulated champion's life may spend, kept as `storage.holdout_looks` keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field

from sentiment_lib.evaluation.look_budget import LookBudget, charge, is_promising, rows_to_spend
from sentiment_lib.policy import GatePolicy


@dataclass
class SimulatedLooks:
    """Earlier looks at one champion; holdouts are ranges of rows in the order of time."""

    policy: GatePolicy
    _spent: int = 0
    _carried: int = 0
    #: end of the holdout, rows spent, promising
    _earlier: list[tuple[int, int, bool]] = field(default_factory=list)

    def begin(self, first: int, new_rows: int, *, candidates: int = 1) -> LookBudget:
        """The budget of the next look, whose holdout begins at row `first`."""
        spent = rows_to_spend(self._carried + new_rows)
        counted = sum(charge(rows, float(good), shares_rows=end > first) for end, rows, good in self._earlier)
        budget = LookBudget(
            candidates=candidates,
            new_rows=new_rows,
            spent_rows=spent,
            champion_rows=self._spent,
            period_rows=self._spent,
            champion_charge=counted,
            period_charge=counted,
        )
        self._carried = max(self._carried + new_rows - spent, 0)
        self._spent += spent
        return budget

    def end(self, budget: LookBudget, end: int, p_value: float) -> bool:
        """Record a look whose holdout ended before row `end`; whether its candidate was promising."""
        promising = is_promising(p_value, self.policy)
        self._earlier.append((end, budget.spent_rows, promising))
        return promising
