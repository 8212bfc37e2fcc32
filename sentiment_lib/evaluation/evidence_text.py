"""Summarise the evidence of a decision in sentences for the approver."""

from __future__ import annotations

import re

from sentiment_lib.evaluation.aims import REFRESH
from sentiment_lib.evaluation.comparison import Comparison
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.evaluation.judgement_methods import FOURTH
from sentiment_lib.evaluation.look_budget import is_promising
from sentiment_lib.evaluation.selection_bias import CorrectedGain
from sentiment_lib.policy import GatePolicy

METRICS = re.compile(r"\b(?:negative_f1|negative_recall|macro_f1|macro_recall|calibration_error)\b")


def summary(compared: Comparison) -> str:
    """One sentence: the difference of the main metric with its confidence interval, p-value and significance level."""
    main = compared.main
    return (
        f"{humanise_metrics(main.metric)} {100 * main.difference:+.1f} points "
        f"({100 * main.low:+.1f} to {100 * main.high:+.1f}, {confidence(main.level)}), p = {main.p_value:.2g} "
        f"at significance level {main.level:.2g}."
    )


def confidence(level: float) -> str:
    """Confidence level of an interval with one-sided bounds at `level` each: 0.005 is "99 % interval"."""
    return f"{100 * (1 - 2 * level):.4g} % interval"


def selection(gain: CorrectedGain) -> str:
    """One sentence: the gain, corrected for the candidate having been put forward."""
    return (
        f"Corrected for having been selected: {100 * gain.estimate:+.1f} points ({100 * gain.low:+.1f} to "
        f"{100 * gain.high:+.1f}, {100 * gain.confidence:.4g} % interval)."
    )


def aim_and_budget(evidence: Evidence) -> list[str]:
    """Sentences: what the candidate had to show, what the look risks, and what is left; empty before method 3."""
    if evidence.aim is None or evidence.budget is None:
        return []
    policy, budget = GatePolicy.model_validate(evidence.policy), evidence.budget
    level = f"{100 * budget.level(policy):.2g} %"
    life, period = (f"{100 * share:.0f} %" for share in budget.remaining(policy))
    shared = f" for each of {budget.candidates} candidates" if budget.candidates > 1 else ""
    total = f"{100 * policy.error_budget:g} %"
    return [
        evidence.aim.text + _guard_aim(evidence, policy),
        f"A candidate that misses its aim can still look good by luck, and each comparison on the holdout is a chance "
        f"for that. All comparisons together may be misled in {total} of cases; this one, with {budget.new_rows:,} new "
        f"rows, in {level}{shared}.{_spending(evidence, policy)} Of the {total}, {life} are left for this champion and "
        f"{period} for {policy.budget_period.days} days of retrains.",
    ]


def _spending(evidence: Evidence, policy: GatePolicy) -> str:
    """Whether the look spends of the error budget; "" where every look does."""
    if evidence.budget is None or evidence.budget.champion_charge is None or not policy.promising_p_value:
        return ""
    p_value = evidence.comparison.p_value
    if is_promising(p_value, policy):
        return f" The candidate is promising (p {p_value:.2g}): comparisons on other rows lose nothing by this one."
    return f" The candidate is not promising (p {p_value:.2g}): later comparisons have less left."


def _guard_aim(evidence: Evidence, policy: GatePolicy) -> str:
    """Losses of guard metrics that miss the aim too; "" where none is bounded."""
    is_refresh = evidence.aim is not None and evidence.aim.kind == REFRESH
    if is_refresh and evidence.method <= FOURTH:
        return ""
    lost = []
    for guard in evidence.comparison.guards:
        margin = policy.non_inferiority if guard.margin is None else guard.margin
        if 0 < margin < 1:
            lost.append(f"{100 * margin:.1f} points of {humanise_metrics(guard.metric)}")
    if not lost:
        return ""
    return f" A loss of {' or '.join(lost)}, or more, misses the aim as well; a smaller one is not bounded."


def deciding_rows(compared: Comparison) -> str:
    """One sentence: rows with which a gain of 1, 2 or 3 points would be decided at this level."""
    sizes = ", ".join(f"{name}: {rows:,}" for name, rows in compared.labels_needed.items() if rows and name[0] == "+")
    return f"Judged rows with which the gate decides 4 of 5 such gains at this level: {sizes} (now {compared.rows:,})."


def effect_of_promotion(compared: Comparison) -> str:
    """The share of predictions that a promotion changes, and the sample sizes for smaller gains."""
    changed = sum(
        compared.cells[true][old][new] for true in range(3) for old in range(3) for new in range(3) if old != new
    )
    right, wrong = compared.mcnemar["only_candidate_right"], compared.mcnemar["only_champion_right"]
    sizes = ", ".join(
        f"{name}: {rows:,}" for name, rows in compared.labels_needed.items() if name != "observed" and rows
    )
    return (
        f"A promotion changes the predicted label of {100 * changed / compared.rows:.1f} % of tweets: {right} of these "
        f"rows become right, {wrong} wrong. Labels needed to detect a gain with power 0.8: {sizes}."
    )


def humanise_metrics(text: str) -> str:
    """Replace metric identifiers by readable names: "negative_f1 +2.0" becomes "negative F1 +2.0"."""
    return METRICS.sub(lambda match: match[0].replace("_f1", " F1").replace("_", " "), text)


def verdict_name(verdict: str, reason: str) -> str:
    """Displayed verdict of a rule: "not enough data" instead of "pass" when too few rows were available to judge."""
    return "not enough data" if verdict == "pass" and "too few" in reason else verdict
