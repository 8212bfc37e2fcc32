"""Rules of the promotion gate. Every rule gives a figure, its bound and a verdict; the strictest verdict decides.

Reasons are part of recorded evidence: rewording one needs a new version in `reason_versions`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from scipy.stats import norm

from sentiment_lib.evaluation import judgement_methods
from sentiment_lib.evaluation.aims import RECALIBRATION, REFRESH, REPLACEMENT, SUPERIORITY, Aim
from sentiment_lib.evaluation.checklist import ChecklistResult
from sentiment_lib.evaluation.comparison import Comparison
from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.evaluation.data_checks import DataChecks
from sentiment_lib.evaluation.sample_size import labels_needed
from sentiment_lib.evaluation.significance import Difference
from sentiment_lib.policy import GatePolicy
from sentiment_lib.records import Answer, RuleVerdict

PASS, HOLD, REJECT = "pass", "hold", "reject"
Verdicts = Iterator[RuleVerdict]


def decide(
    comparison: Comparison,
    policy: GatePolicy,
    *,
    checklist: ChecklistResult | None = None,
    cost: Cost | None = None,
    data_checks: DataChecks | None = None,
    method: int = judgement_methods.NEWEST,
    aim: Aim = SUPERIORITY,
) -> tuple[Answer, tuple[RuleVerdict, ...]]:
    """REJECT when any rule rejects, else HOLD when any holds, else PROMOTE. Inputs that are None are not judged.

    method: of `judgement_methods`; aim: the one that the comparison was made for, from method 3 on.
    """
    rules = COMPARISON_RULES.get(method, NEWEST_COMPARISON_RULES)
    if aim.kind == REFRESH:
        own_rules: dict[Rule, Rule] = {benefit: partial(refresh_benefit, margin=aim.margin)}
        if method > judgement_methods.THIRD:
            own_rules[guards] = refresh_guards
        rules = tuple(own_rules.get(rule, rule) for rule in rules)
    elif aim.kind == REPLACEMENT:
        rules = tuple(partial(no_loss, margin=aim.margin) if rule is benefit else rule for rule in rules)
    elif aim.kind == RECALIBRATION:
        no_worse = first_no_loss if method <= judgement_methods.THIRD else no_loss
        own: Rules = (calibration_benefit, partial(no_worse, margin=aim.margin))
        rules = tuple(part for rule in rules for part in (own if rule is benefit else (rule,)))
    verdicts = [verdict for rule in rules for verdict in rule(comparison, policy)]
    if checklist is not None:
        verdicts += checklist_rules(checklist, policy)
    if cost is not None:
        verdicts += cost_rules(cost, policy)
    if data_checks is not None:
        verdicts += data_rules(data_checks, policy)
    outcomes = {verdict.verdict for verdict in verdicts}
    answer = Answer.REJECT if REJECT in outcomes else Answer.HOLD if HOLD in outcomes else Answer.PROMOTE
    return answer, tuple(verdicts)


def enough_rows(comparison: Comparison, policy: GatePolicy) -> Verdicts:
    """The holdout has enough rows."""
    bound = policy.minimum_holdout_rows
    yield _at_least("holdout rows", comparison.rows, bound, HOLD, f"{comparison.rows} rows, at least {bound}")


def benefit(comparison: Comparison, policy: GatePolicy) -> Verdicts:  # noqa: ARG001
    """The candidate is better on the main metric at the significance level of this look."""
    main = comparison.main
    gain = _change(main)
    if main.high < 0:
        yield _verdict("benefit", main.difference, 0.0, REJECT, f"{gain}: worse than the champion")
        return
    significant = main.low > 0 and main.p_value is not None and main.p_value <= comparison.level
    needed = comparison.labels_needed.get("observed")
    thin = f"{_many(needed)} labels would show a gain of this size" if needed else "no gain was seen"
    reason = f"{gain}; p {main.p_value:.2g}, and {comparison.level:.2g} may be spent"
    yield _verdict(
        "benefit", main.low, 0.0, PASS if significant else HOLD, reason if significant else f"{reason}; {thin}"
    )


def refresh_benefit(comparison: Comparison, policy: GatePolicy, *, margin: float) -> Verdicts:  # noqa: ARG001
    """The candidate shows a gain on the main metric, and at the level of this look it is not worse by the margin."""
    main = comparison.main
    gain = _change(main)
    if main.high < 0:
        yield _verdict("benefit", main.difference, 0.0, REJECT, f"{gain}: worse than the champion")
        return
    within = main.low > -margin and main.p_value is not None and main.p_value <= comparison.level
    reason = (
        f"{gain}; worse by {100 * margin:.1f} or more: p {main.p_value:.2g}, and {comparison.level:.2g} may be spent"
    )
    if main.difference <= 0:
        reason += "; no gain was seen"
    elif not within:
        reason += f"; {_many(comparison.labels_needed.get('observed'))} labels would rule it out"
    verdict = PASS if within and main.difference > 0 else HOLD
    yield _verdict("benefit", main.low, -margin, verdict, reason)


def calibration_benefit(comparison: Comparison, policy: GatePolicy) -> Verdicts:  # noqa: ARG001
    """The candidate's calibration error is smaller at the significance level of this look."""
    gain = comparison.calibration
    if gain is None:
        return
    reason = (
        f"calibration error {100 * gain.champion:.1f} to {100 * gain.candidate:.1f} points; p {gain.p_value:.2g}, "
        f"and {comparison.level:.2g} may be spent"
    )
    passes = gain.low > 0 and gain.p_value <= comparison.level
    yield _verdict("calibration gain", gain.low, 0.0, PASS if passes else HOLD, reason)


def no_loss(comparison: Comparison, policy: GatePolicy, *, margin: float) -> Verdicts:  # noqa: ARG001
    """At the level of this look the candidate is not worse by the margin on the main metric."""
    yield _non_inferior("benefit", comparison.main, margin)


def first_no_loss(comparison: Comparison, policy: GatePolicy, *, margin: float) -> Verdicts:  # noqa: ARG001
    """The same by the bootstrap bound alone, as method 3 judged it."""
    main = replace(comparison.main, p_value=None)
    if main.low == main.high == 0:
        yield _verdict("benefit", main.low, -margin, PASS, "the same predictions on every row")
        return
    yield _non_inferior("benefit", main, margin)


def _many(rows: int | None) -> str:
    return "over a million" if (rows or 0) > 1_000_000 else f"about {rows or 0:,}"


def guards(comparison: Comparison, policy: GatePolicy) -> Verdicts:
    """Non-inferiority of the guard metrics."""
    for guard in comparison.guards:
        yield _non_inferior(f"not worse: {guard.metric}", guard, policy.non_inferiority)


def refresh_guards(comparison: Comparison, policy: GatePolicy) -> Verdicts:
    """No guard metric is seen to lose more than the margin; a refresh need not prove it, as it is bound by its aim.

    Proof at the level of the look holds most refreshes of a small holdout, although they gain on the stream.
    """
    margin = policy.non_inferiority
    for guard in comparison.guards:
        rule, gain = f"not worse: {guard.metric}", _change(guard)
        if guard.high < -margin:
            yield _verdict(rule, guard.difference, -margin, REJECT, f"{gain}: worse than the champion")
        elif guard.difference < -margin:
            yield _verdict(rule, guard.difference, -margin, HOLD, f"{gain}: a loss was seen")
        else:
            yield _verdict(rule, guard.difference, -margin, PASS, gain)


def slices(comparison: Comparison, policy: GatePolicy) -> Verdicts:
    """No slice shows a loss beyond its margin; the error is bounded over all slices together.

    An inconclusive slice passes; its reason states the sample size that would rule out the loss, if the difference is
    as observed, or zero when a gain was observed.
    """
    yield from _judge_slices(comparison, policy, _rows_to_rule_out)


def second_slices(comparison: Comparison, policy: GatePolicy) -> Verdicts:
    """The same with the sample size for a difference of zero, as method 2 stated it: fewer than there are, at times."""
    yield from _judge_slices(comparison, policy, _rows_if_equal)


def _judge_slices(
    comparison: Comparison, policy: GatePolicy, sample_size: Callable[[Difference, int, float], str]
) -> Verdicts:
    margin = policy.slice_non_inferiority
    for part in comparison.slices:
        name, difference = f"slice: {part.name}", part.difference
        if difference is None:
            wanted = f"at least {policy.minimum_slice_rows} are needed"
            yield _verdict(
                name, None, None, PASS, f"{part.rows} rows, {part.negatives} negative: too few to judge, {wanted}"
            )
        elif difference.high < -margin:
            yield _verdict(name, difference.high, -margin, REJECT, f"{_change(difference)}: worse than the champion")
        elif difference.low > -margin or (margin == 0 and difference.low >= 0):
            yield _verdict(name, difference.low, -margin, PASS, _change(difference))
        else:
            reason = (
                f"{_change(difference)}: too few rows to rule out a loss{sample_size(difference, part.rows, margin)}"
            )
            yield _verdict(name, difference.low, -margin, PASS, reason)


def _rows_to_rule_out(difference: Difference, rows: int, margin: float) -> str:
    # the bounds are wider than the row deviation says where few rows differ: the larger one counts
    implied = (difference.difference - difference.low) * math.sqrt(rows) / float(norm.isf(difference.level))
    distance = margin + min(difference.difference, 0.0)
    needed = labels_needed(distance, max(difference.row_deviation, implied), level=difference.level)
    return f", {_many(needed)} would" if needed else ""


def _rows_if_equal(difference: Difference, rows: int, margin: float) -> str:  # noqa: ARG001
    needed = labels_needed(margin, difference.row_deviation, level=difference.level)
    return f", about {needed:,} would" if needed else ""


def first_slices(comparison: Comparison, policy: GatePolicy) -> Verdicts:
    """Non-inferiority on each slice that has enough rows, as method 1 judged it."""
    for part in comparison.slices:
        name = f"slice: {part.name}"
        difference = part.difference
        if difference is None:
            yield _verdict(name, None, None, PASS, f"{part.rows} rows, {part.negatives} negative: too few to judge")
            continue
        verdict = _non_inferior(name, difference, policy.slice_non_inferiority)
        # an interval wider than the margin cannot show non-inferiority: only an observed loss then holds
        imprecise = difference.difference - difference.low > policy.slice_non_inferiority > -difference.difference
        if verdict.verdict == HOLD and imprecise:
            verdict = replace(verdict, verdict=PASS, reason=f"{_change(difference)}: too few rows to rule out a loss")
        yield verdict


def class_collapse(comparison: Comparison, policy: GatePolicy) -> Verdicts:
    """Every class of the holdout is predicted often enough (no class collapse)."""
    ratios = {
        label: comparison.predicted_share[label] * comparison.rows / count
        for label, count in comparison.label_counts.items()
        if count >= max(5, 0.02 * comparison.rows)
    }
    if not ratios:
        return
    label, ratio = min(ratios.items(), key=lambda item: item[1])
    reason = f"{label} is predicted {ratio:.2f} times as often as it is there"
    yield _at_least("class collapse", ratio, policy.collapse_ratio, REJECT, reason)


def calibration(comparison: Comparison, policy: GatePolicy) -> Verdicts:
    """The expected calibration error, corrected for its bias at this sample size, is within its bound."""
    seen, noise = comparison.candidate["calibration_error"], comparison.calibration_noise
    error = math.sqrt(max(seen**2 - noise**2, 0.0))
    reason = f"off by {100 * seen:.1f} points on average; {100 * noise:.1f} would be chance at this size"
    yield _at_most("calibration error", error, policy.maximum_calibration_error, REJECT, reason)


Rule = Callable[[Comparison, GatePolicy], Verdicts]
Rules = tuple[Rule, ...]
NEWEST_COMPARISON_RULES: Rules = (enough_rows, benefit, guards, slices, class_collapse, calibration)
#: Rules of earlier methods, by method.
COMPARISON_RULES: dict[int, Rules] = {
    judgement_methods.FIRST: (enough_rows, benefit, guards, first_slices, class_collapse, calibration),
    judgement_methods.SECOND: (enough_rows, benefit, guards, second_slices, class_collapse, calibration),
}


def checklist_rules(result: ChecklistResult, policy: GatePolicy) -> Verdicts:
    """Shares of the CheckList cases that pass."""
    bounds = {
        "minimum functionality": policy.minimum_functionality,
        "invariance": policy.minimum_invariance,
        "direction": policy.minimum_direction,
    }
    for kind, bound in bounds.items():
        share = result.share(kind)
        if share is not None:
            passed, cases = result.count(kind)
            yield _at_least(f"behaviour: {kind}", share, bound, REJECT, f"{passed} of {cases} cases")


def cost_rules(cost: Cost, policy: GatePolicy) -> Verdicts:
    """Limits on p99 latency, memory and artefact size."""
    for name, figure, bound, unit in (
        ("p99 latency", cost.p99_ms, policy.maximum_p99_ms, "ms"),
        ("memory", cost.memory_mb, policy.maximum_memory_mb, "MB"),
        ("artefact size", cost.artefact_mb, policy.maximum_artefact_mb, "MB"),
    ):
        if figure is not None:
            yield _at_most(f"cost: {name}", figure, bound, REJECT, f"{_plain(figure)} {unit} of {_plain(bound)}")


def _plain(figure: float) -> str:
    """Three significant digits, without an exponent for large numbers."""
    return f"{figure:.0f}" if figure >= 100 else f"{figure:.3g}"


def data_rules(checks: DataChecks, policy: GatePolicy) -> Verdicts:
    """Limits on leakage, on the share of the rarest class and on label shift."""
    leaked = checks.leaked_share
    reason = f"{checks.duplicates} holdout rows are copies of training rows, {checks.near_duplicates} nearly so"
    yield _at_most("data: leakage", leaked, policy.maximum_leakage, HOLD, reason)
    rarest = min(checks.train_share.values())
    reason = f"the rarest class has {100 * rarest:.1f} % of the training rows"
    yield _at_least("data: label share", rarest, policy.minimum_label_share, REJECT, reason)
    reason = f"label shares of training and holdout rows differ by {100 * checks.label_shift:.1f} points at the most"
    yield _at_most("data: label shift", checks.label_shift, policy.maximum_label_shift, HOLD, reason)


def _non_inferior(rule: str, difference: Difference, margin: float) -> RuleVerdict:
    """Not worse by the margin: by the bootstrap bound, and by the test of the margin where one was made."""
    text, p_value = _change(difference), difference.p_value
    if p_value is not None and margin > 0:
        text += f"; worse by {100 * margin:.1f} or more: p {p_value:.2g}, and {difference.level:.2g} may be spent"
        if p_value > difference.level and difference.high >= -margin:
            return _verdict(rule, difference.low, -margin, HOLD, f"{text}: a loss cannot be ruled out")
    if difference.low > -margin or (margin == 0 and difference.low >= 0):
        return _verdict(rule, difference.low, -margin, PASS, text)
    if difference.high < -margin:
        return _verdict(rule, difference.low, -margin, REJECT, f"{text}: worse than the champion")
    return _verdict(rule, difference.low, -margin, HOLD, f"{text}: a loss cannot be ruled out")


def _at_least(rule: str, figure: float, bound: float, otherwise: str, reason: str) -> RuleVerdict:
    return _verdict(rule, figure, bound, PASS if figure >= bound else otherwise, reason)


def _at_most(rule: str, figure: float, bound: float, otherwise: str, reason: str) -> RuleVerdict:
    return _verdict(rule, figure, bound, PASS if figure <= bound else otherwise, reason)


def _verdict(rule: str, figure: float | None, bound: float | None, verdict: str, reason: str) -> RuleVerdict:
    return RuleVerdict(rule=rule, figure=figure, bound=bound, verdict=verdict, reason=reason)


def _change(difference: Difference) -> str:
    low, high = _points(difference.low), _points(difference.high)
    return f"{difference.metric} {_points(difference.difference)}, from {low} to {high}"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"
