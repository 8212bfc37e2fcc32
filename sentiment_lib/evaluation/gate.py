"""The promotion gate. Every rule gives a figure, its bound and a verdict; the strictest verdict decides."""

from __future__ import annotations

from functools import partial

from sentiment_lib.evaluation.aims import RECALIBRATION, REFRESH, REPLACEMENT, SUPERIORITY, Aim
from sentiment_lib.evaluation.checklist import ChecklistResult
from sentiment_lib.evaluation.comparison import Comparison
from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.evaluation.data_checks import DataChecks
from sentiment_lib.evaluation.judgement_methods import FIRST, FOURTH, NEWEST, SECOND, THIRD
from sentiment_lib.evaluation.rules import aims, guards, limits, slices
from sentiment_lib.evaluation.rules.verdicts import HOLD, PASS, REJECT, Rule
from sentiment_lib.policy import GatePolicy
from sentiment_lib.records import Answer, RuleVerdict

__all__ = ["HOLD", "PASS", "REJECT", "decide"]


def decide(
    comparison: Comparison,
    policy: GatePolicy,
    *,
    checklist: ChecklistResult | None = None,
    cost: Cost | None = None,
    data_checks: DataChecks | None = None,
    method: int = NEWEST,
    aim: Aim = SUPERIORITY,
) -> tuple[Answer, tuple[RuleVerdict, ...]]:
    """REJECT when any rule rejects, else HOLD when any holds, else PROMOTE. Inputs that are None are not judged.

    method: of `judgement_methods`; aim: the one that the comparison was made for, from method 3 on.
    """
    verdicts = [verdict for rule in _rules(method, aim) for verdict in rule(comparison, policy)]
    if checklist is not None:
        verdicts += limits.checklist_rules(checklist, policy)
    if cost is not None:
        verdicts += limits.cost_rules(cost, policy)
    if data_checks is not None:
        verdicts += limits.data_rules(data_checks, policy)
    outcomes = {verdict.verdict for verdict in verdicts}
    answer = Answer.REJECT if REJECT in outcomes else Answer.HOLD if HOLD in outcomes else Answer.PROMOTE
    return answer, tuple(verdicts)


def _rules(method: int, aim: Aim) -> tuple[Rule, ...]:
    """The rules of the comparison, under a method of `judgement_methods` and an aim."""
    benefit: tuple[Rule, ...] = (aims.benefit,)
    guarded = guards.guards
    if aim.kind == REFRESH:
        benefit = (partial(aims.refresh_benefit, margin=aim.margin),)
        if method > THIRD:
            guarded = guards.refresh_guards if method > FOURTH else guards.seen_guards
    elif aim.kind == REPLACEMENT:
        benefit = (partial(aims.no_loss, margin=aim.margin),)
    elif aim.kind == RECALIBRATION:
        no_loss = aims.no_loss if method > THIRD else aims.first_no_loss
        benefit = (aims.calibration_benefit, partial(no_loss, margin=aim.margin))
    sliced = {FIRST: slices.first_slices, SECOND: slices.second_slices}.get(method, slices.slices)
    return (limits.enough_rows, *benefit, guarded, sliced, limits.class_collapse, limits.calibration)
