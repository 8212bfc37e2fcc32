"""How often a candidate with a true gain is promoted at one look, under each aim and under the method before."""

from __future__ import annotations

import numpy as np

from benchmarks.platform_decisions import models
from sentiment_lib.evaluation import aims, alpha_spending
from sentiment_lib.evaluation.comparison import Terms, compare
from sentiment_lib.evaluation.gate import decide
from sentiment_lib.evaluation.look_budget import LookBudget
from sentiment_lib.policy import GatePolicy
from sentiment_lib.records import Answer

POLICY = GatePolicy(bootstrap_rounds=500)
#: The exponent that method 2 had by default, and its number of earlier looks after a year of daily retrains.
BEFORE = GatePolicy(bootstrap_rounds=500, budget_exponent=1.3)
#: Rows spent when a year of 50 judging labels a day lies behind, and rows of a look then (a fifth of the holdout).
YEAR, NEW = 18_000, 730


def power(repeats: int, sizes: tuple[int, ...] = (1000, 3600)) -> dict[str, dict[str, float]]:
    """ "refresh, first look, 1,000 rows" -> {"+1": share promoted, ...}."""
    first = {rows: LookBudget(candidates=1, new_rows=rows, spent_rows=rows // 2, champion_rows=0, period_rows=0)
             for rows in sizes}  # fmt: skip
    late = LookBudget(candidates=1, new_rows=NEW, spent_rows=NEW, champion_rows=YEAR, period_rows=YEAR)
    margin = aims.Aim(kind=aims.REFRESH, margin=POLICY.refresh_margin)
    found = {}
    for rows in sizes:
        for when, level, before in (
            ("first look", first[rows].level(POLICY), alpha_spending.significance_level(0, BEFORE)),
            ("after a year", late.level(POLICY), alpha_spending.significance_level(364, BEFORE)),
        ):
            found[f"refresh, {when}, {rows:,} rows"] = _shares(repeats, rows, level, margin, guards_at_level=True)
            found[f"change, {when}, {rows:,} rows"] = _shares(
                repeats, rows, level, aims.SUPERIORITY, guards_at_level=True
            )
            found[f"before, {when}, {rows:,} rows"] = _shares(
                repeats, rows, before, aims.SUPERIORITY, guards_at_level=False
            )
    return found


def _shares(repeats: int, rows: int, level: float, aim: aims.Aim, *, guards_at_level: bool) -> dict[str, float]:
    terms = Terms(margin=aim.margin, guards_at_level=guards_at_level)
    shares = {}
    for points in (1, 2, 3):
        promoted = 0
        for repeat in range(repeats):
            texts = models.Texts.draw(rows, np.random.default_rng([10, repeat]))
            old, new = (
                models.probabilities(models.answers(texts, np.arange(rows), 2 * repeat + own, own * points / 100))
                for own in (0, 1)
            )
            compared = compare(texts.labels, old, new, policy=POLICY, level=level, terms=terms)
            promoted += decide(compared, POLICY, aim=aim)[0] is Answer.PROMOTE
        shares[f"+{points}"] = round(promoted / repeats, 3)
    return shares
