"""The error budget of repeated holdout looks, spent by new holdout rows and divided among candidates.

A look is one comparison of all candidates of a retrain with the champion. Its significance level is what its rows
bring: daily looks with few new rows spend as much together as one monthly look with as many.
"""

from __future__ import annotations

from dataclasses import dataclass

from scipy.special import zeta

from sentiment_lib.policy import GatePolicy


@dataclass(frozen=True, kw_only=True)
class LookBudget:
    """What a look may spend, fixed before its comparison: it depends on counts of rows, never on an outcome."""

    #: candidates that the look judges, each at an equal share of its level
    candidates: int
    #: holdout rows that no earlier look had
    new_rows: int
    #: rows that this look spends, of the new ones and those left over
    spent_rows: int
    #: rows spent by earlier looks against this champion
    champion_rows: int
    #: rows spent by earlier looks within `budget_period`, whoever the champion was
    period_rows: int

    def level(self, policy: GatePolicy) -> float:
        """The significance level of each candidate of the look.

        With F(m) the spent share after m rows, a look that takes m to m + n gets error_budget * (F(m + n) - F(m)) for
        all its candidates. The levels of all looks against one champion sum to at most error_budget (union bound,
        whatever their dependence), and as F is concave so do those of any period. m is the larger of both counts, which
        gives the smaller level. Alpha spending by information: Lan, DeMets 1983, Biometrika 70 (3).
        """
        return policy.error_budget * self._spent(policy) / self.candidates

    def share(self, policy: GatePolicy) -> float:
        """The share of the error budget that each candidate of the look gets; over all looks they sum to at most 1."""
        return self._spent(policy) / self.candidates

    def _spent(self, policy: GatePolicy) -> float:
        before = max(self.champion_rows, self.period_rows)
        return spent_share(before + self.spent_rows, policy) - spent_share(before, policy)

    def remaining(self, policy: GatePolicy) -> tuple[float, float]:
        """Shares of the budget left after this look: of the champion's life, and of the period."""
        return (
            1 - spent_share(self.champion_rows + self.spent_rows, policy),
            1 - spent_share(self.period_rows + self.spent_rows, policy),
        )


def spent_share(rows: float, policy: GatePolicy) -> float:
    """F(m): share of the error budget that is spent after m rows; concave, from 0 towards 1."""
    return float(1 - (1 + rows / policy.budget_rows) ** (1 - policy.budget_exponent))


def rows_to_spend(unspent: int) -> int:
    """Rows that a look spends of the unspent ones: half, so that another request on the same rows has some left."""
    return max(unspent // 2, 1)


def equivalent_rows(looks: int, policy: GatePolicy) -> int:
    """Rows that this many looks have spent whose levels came from their number (`alpha_spending`)."""
    exponent = policy.budget_exponent
    spent = sum(float(look) ** -exponent for look in range(1, looks + 1)) / float(zeta(exponent))
    return round(policy.budget_rows * (float((1 - spent) ** (1 / (1 - exponent))) - 1))
