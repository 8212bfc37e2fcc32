"""Limits on the holdout, on what a model predicts and costs, and on the data."""

from __future__ import annotations

import math

from sentiment_lib.evaluation.checklist import ChecklistResult
from sentiment_lib.evaluation.comparison import Comparison
from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.evaluation.data_checks import DataChecks
from sentiment_lib.evaluation.rules.verdicts import HOLD, REJECT, Verdicts, at_least, at_most
from sentiment_lib.policy import GatePolicy


def enough_rows(comparison: Comparison, policy: GatePolicy) -> Verdicts:
    """The holdout has enough rows."""
    bound = policy.minimum_holdout_rows
    yield at_least("holdout rows", comparison.rows, bound, HOLD, f"{comparison.rows} rows, at least {bound}")


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
    yield at_least("class collapse", ratio, policy.collapse_ratio, REJECT, reason)


def calibration(comparison: Comparison, policy: GatePolicy) -> Verdicts:
    """The expected calibration error, corrected for its bias at this sample size, is within its bound."""
    seen, noise = comparison.candidate["calibration_error"], comparison.calibration_noise
    error = math.sqrt(max(seen**2 - noise**2, 0.0))
    reason = f"off by {100 * seen:.1f} points on average; {100 * noise:.1f} would be chance at this size"
    yield at_most("calibration error", error, policy.maximum_calibration_error, REJECT, reason)


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
            yield at_least(f"behaviour: {kind}", share, bound, REJECT, f"{passed} of {cases} cases")


def cost_rules(cost: Cost, policy: GatePolicy) -> Verdicts:
    """Limits on p99 latency, memory and artefact size."""
    for name, figure, bound, unit in (
        ("p99 latency", cost.p99_ms, policy.maximum_p99_ms, "ms"),
        ("memory", cost.memory_mb, policy.maximum_memory_mb, "MB"),
        ("artefact size", cost.artefact_mb, policy.maximum_artefact_mb, "MB"),
    ):
        if figure is not None:
            yield at_most(f"cost: {name}", figure, bound, REJECT, f"{_plain(figure)} {unit} of {_plain(bound)}")


def _plain(figure: float) -> str:
    """Three significant digits, without an exponent for large numbers."""
    return f"{figure:.0f}" if figure >= 100 else f"{figure:.3g}"


def data_rules(checks: DataChecks, policy: GatePolicy) -> Verdicts:
    """Limits on leakage, on the share of the rarest class and on label shift."""
    leaked = checks.leaked_share
    reason = f"{checks.duplicates} holdout rows are copies of training rows, {checks.near_duplicates} nearly so"
    yield at_most("data: leakage", leaked, policy.maximum_leakage, HOLD, reason)
    rarest = min(checks.train_share.values())
    reason = f"the rarest class has {100 * rarest:.1f} % of the training rows"
    yield at_least("data: label share", rarest, policy.minimum_label_share, REJECT, reason)
    reason = f"label shares of training and holdout rows differ by {100 * checks.label_shift:.1f} points at the most"
    yield at_most("data: label shift", checks.label_shift, policy.maximum_label_shift, HOLD, reason)
