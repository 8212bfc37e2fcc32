"""The error budget of repeated holdout looks, spent by new holdout rows and divided among candidates.

A look is one comparison of all candidates of a retrain with the champion. Its significance level is what its rows
bring: daily looks with few new rows spend as much together as one monthly look with as many.

A candidate that misses its aim is seldom promising: its p-value is at most `promising_p_value` with at most this
probability. So looks whose candidates are promising do not count against later ones that share no rows with them, and
every look has one minus that of the level (adaptive spending under local dependence: Tian, Ramdas 2021, "Online control
of the familywise error rate", Statistical Methods in Medical Research 30 (4)). A platform whose retrains do improve
keeps its level, holdout for holdout.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from scipy.special import zeta

from sentiment_lib.policy import GatePolicy


@dataclass(frozen=True, kw_only=True)
class LookBudget:
    """What a look may spend, fixed before its comparison: it depends on counts of rows and on earlier looks."""

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
    #: of the champion's rows and of the period's, those that count: without those of looks at promising candidates that
    #: share no rows with this one. None where all count (before method 6)
    champion_charge: int | None = None
    period_charge: int | None = None

    def level(self, policy: GatePolicy) -> float:
        """The significance level of each candidate of the look.

        With F(m) the spent share after m rows, a look that takes m to m + n gets error_budget * (F(m + n) - F(m)) for
        all its candidates. The levels of all looks against one champion sum to at most error_budget (union bound,
        whatever their dependence), and as F is concave so do those of any period. m is the larger of both counts, which
        gives the smaller level. Alpha spending by information: Lan, DeMets 1983, Biometrika 70 (3).

        Where promising candidates do not count, the level is (1 - promising_p_value) times this, with m of the others.
        What the bound assumes stands in docs/statistics.md.
        """
        share = self._share_after(max(self._charges), policy)
        if self.champion_charge is not None:
            share *= 1 - policy.promising_p_value
        return policy.error_budget * share / self.candidates

    def share(self, policy: GatePolicy) -> float:
        """The share of a budget of its own that each candidate of the look gets, if every look spends.

        Over all looks the shares sum to at most 1.
        """
        return self._share_after(max(self.champion_rows, self.period_rows), policy) / self.candidates

    def remaining(self, policy: GatePolicy) -> tuple[float, float]:
        """Shares of the budget left for a look that shares rows with this one: of the life, and of the period."""
        life, period = (1 - spent_share(rows + self.spent_rows, policy) for rows in self._charges)
        return life, period

    def as_dict(self) -> dict[str, int]:
        """JSON types only; the keys are part of the hashed evidence, in which a missing part has none."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def _charges(self) -> tuple[int, int]:
        """Rows spent before that count, of the champion's life and of the period."""
        if self.champion_charge is None or self.period_charge is None:
            return self.champion_rows, self.period_rows
        return self.champion_charge, self.period_charge

    def _share_after(self, before: int, policy: GatePolicy) -> float:
        return spent_share(before + self.spent_rows, policy) - spent_share(before, policy)


def spent_share(rows: float, policy: GatePolicy) -> float:
    """F(m): share of the error budget that is spent after m rows; concave, from 0 towards 1."""
    return float(1 - (1 + rows / policy.budget_rows) ** (1 - policy.budget_exponent))


def rows_to_spend(unspent: int) -> int:
    """Rows that a look spends of the unspent ones: half, so that another request on the same rows has some left."""
    return max(unspent // 2, 1)


def is_promising(p_value: float, policy: GatePolicy) -> bool:
    """Whether a candidate has this largest p-value (`Comparison.p_value`) seldom if it misses its aim."""
    return p_value <= policy.promising_p_value and policy.promising_p_value > 0


def charge(spent_rows: int, promising_share: float, *, shares_rows: bool) -> int:
    """Rows of an earlier look that count against a later one.

    promising_share: of its candidates (0 to 1) that are promising; shares_rows: whether both looks have a holdout row
    in common. Then all count: a candidate that looks good on some rows looks good on them again.
    """
    return spent_rows if shares_rows else spent_rows - int(spent_rows * promising_share)


def equivalent_rows(looks: int, policy: GatePolicy) -> int:
    """Rows that this many looks have spent whose levels came from their number (`alpha_spending`)."""
    exponent = policy.budget_exponent
    spent = sum(float(look) ** -exponent for look in range(1, looks + 1)) / float(zeta(exponent))
    return round(policy.budget_rows * (float((1 - spent) ** (1 / (1 - exponent))) - 1))
