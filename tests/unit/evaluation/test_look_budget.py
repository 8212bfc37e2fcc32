from datetime import timedelta

import numpy as np
import pytest

from benchmarks.shared_rows import at_the_margin
from sentiment_lib.evaluation.look_budget import (
    LookBudget,
    charge,
    equivalent_rows,
    is_promising,
    rows_to_spend,
    spent_share,
)
from sentiment_lib.policy import GatePolicy

POLICY = GatePolicy()


def spending(days, new_rows, *, champions=(0,), candidates=1):
    """(day, budget) of looks on these days with so many new rows each; `champions` are the days of promotions."""
    looks, unspent = [], 0
    for day, new in zip(days, new_rows, strict=True):
        since = max(start for start in champions if start <= day)
        unspent += new
        spent = rows_to_spend(unspent)
        unspent -= spent
        budget = LookBudget(
            candidates=candidates,
            new_rows=new,
            spent_rows=spent,
            champion_rows=sum(look.spent_rows for at, look in looks if at >= since),
            period_rows=sum(look.spent_rows for at, look in looks if at > day - POLICY.budget_period.days),
        )
        looks.append((day, budget))
    return looks


@pytest.mark.parametrize("step", [1, 30])
@pytest.mark.parametrize("champions", [(0,), (0, 100, 250, 300, 600)])
def test_no_year_and_no_life_of_a_champion_spends_more_than_the_budget(step, champions):
    days = np.arange(0, 1200, step)
    rows = np.random.default_rng(3).integers(0, 100 * step, size=days.size)
    looks = spending(days, rows, champions=champions, candidates=5)
    levels = np.array([5 * budget.level(POLICY) for _, budget in looks])
    for day in days:
        assert levels[(days > day - 365) & (days <= day)].sum() <= POLICY.error_budget
    for start, end in zip(champions, [*champions[1:], 1e9], strict=True):
        assert levels[(days >= start) & (days < end)].sum() <= POLICY.error_budget
    # a year is short of its budget, and a day more of it is never without
    assert levels.min() > 0


def test_the_budget_goes_with_rows_and_not_with_looks():
    daily = [budget.level(POLICY) for _, budget in spending(range(30), [50] * 30)]
    once = [budget.level(POLICY) for _, budget in spending([0], [1500])]
    assert sum(daily) == pytest.approx(once[0], rel=0.9)
    assert max(daily) < once[0]


def test_candidates_divide_the_level_and_the_larger_count_binds():
    budget = LookBudget(candidates=4, new_rows=400, spent_rows=200, champion_rows=100, period_rows=900)
    alone = LookBudget(candidates=1, new_rows=400, spent_rows=200, champion_rows=900, period_rows=0)
    assert 4 * budget.level(POLICY) == pytest.approx(alone.level(POLICY))
    life, period = budget.remaining(POLICY)
    assert life == pytest.approx(1 - spent_share(300, POLICY))
    assert period == pytest.approx(1 - spent_share(1100, POLICY))


def test_looks_of_earlier_releases_count_as_what_they_spent():
    assert equivalent_rows(0, POLICY) == 0
    spent = sum(k**-POLICY.budget_exponent for k in range(1, 21)) / 2.6123753
    assert spent_share(equivalent_rows(20, POLICY), POLICY) == pytest.approx(spent, abs=1e-3)
    assert POLICY.budget_period == timedelta(days=365)


def adaptive(counted, *, new=500, spent=250, rows=0, candidates=1):
    """A look after others of which so many rows count."""
    return LookBudget(
        candidates=candidates,
        new_rows=new,
        spent_rows=spent,
        champion_rows=rows,
        period_rows=rows,
        champion_charge=counted,
        period_charge=counted,
    )


def test_looks_at_promising_candidates_keep_the_level_of_those_after_them():
    first, hundredth = adaptive(0), adaptive(0, rows=25_000)
    assert first.level(POLICY) == hundredth.level(POLICY)
    every_look = LookBudget(candidates=1, new_rows=500, spent_rows=250, champion_rows=0, period_rows=0)
    assert first.level(POLICY) == pytest.approx(0.9 * every_look.level(POLICY))
    assert adaptive(2000, rows=2000).level(POLICY) < first.level(POLICY) / 4
    # the share of other budgets counts every look
    assert hundredth.share(POLICY) < first.share(POLICY) / 100
    assert first.remaining(POLICY)[0] == pytest.approx(1 - spent_share(250, POLICY))


def test_only_promising_candidates_on_other_rows_are_spared():
    assert [charge(250, share, shares_rows=False) for share in (0.0, 0.4, 1.0)] == [250, 150, 0]
    assert [charge(250, share, shares_rows=True) for share in (0.0, 0.4, 1.0)] == [250, 250, 250]
    assert [is_promising(p, POLICY) for p in (0.0, 0.1, 0.11)] == [True, True, False]
    assert not is_promising(0.0, GatePolicy(promising_p_value=0))


@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize(("new", "window", "looks"), [(500, 500, 20), (500, 2500, 40), (100, 500, 40)])
def test_candidates_at_the_margin_pass_within_the_budget_though_looks_share_rows(new, window, looks, keeps):
    rng = np.random.default_rng(new + window)
    found = at_the_margin(rng, lives=300, new=new, window=window, looks=looks, shared=0.0, keeps=keeps)
    # 5 %, and three standard errors of so few lives
    assert found <= POLICY.error_budget + 3 * np.sqrt(POLICY.error_budget / 300)
