"""Rules of the main metric and of the calibration, by the aim of the candidate."""

from __future__ import annotations

from dataclasses import replace

from sentiment_lib.evaluation.comparison import Comparison
from sentiment_lib.evaluation.rules.verdicts import (
    HOLD,
    PASS,
    REJECT,
    Verdicts,
    change_of,
    many,
    non_inferior,
    rule_verdict,
)
from sentiment_lib.policy import GatePolicy


def benefit(comparison: Comparison, policy: GatePolicy) -> Verdicts:  # noqa: ARG001
    """The candidate is better on the main metric at the significance level of this look."""
    main = comparison.main
    gain = change_of(main)
    if main.high < 0:
        yield rule_verdict("benefit", main.difference, 0.0, REJECT, f"{gain}: worse than the champion")
        return
    significant = main.low > 0 and main.p_value is not None and main.p_value <= comparison.level
    needed = comparison.labels_needed.get("observed")
    thin = f"{many(needed)} labels would show a gain of this size" if needed else "no gain was seen"
    reason = f"{gain}; p {main.p_value:.2g}, and {comparison.level:.2g} may be spent"
    yield rule_verdict(
        "benefit", main.low, 0.0, PASS if significant else HOLD, reason if significant else f"{reason}; {thin}"
    )


def refresh_benefit(comparison: Comparison, policy: GatePolicy, *, margin: float) -> Verdicts:  # noqa: ARG001
    """The candidate shows a gain on the main metric, and at the level of this look it is not worse by the margin."""
    main = comparison.main
    gain = change_of(main)
    if main.high < 0:
        yield rule_verdict("benefit", main.difference, 0.0, REJECT, f"{gain}: worse than the champion")
        return
    within = main.low > -margin and main.p_value is not None and main.p_value <= comparison.level
    reason = (
        f"{gain}; worse by {100 * margin:.1f} or more: p {main.p_value:.2g}, and {comparison.level:.2g} may be spent"
    )
    if main.difference <= 0:
        reason += "; no gain was seen"
    elif not within:
        reason += f"; {many(comparison.labels_needed.get('observed'))} labels would rule it out"
    verdict = PASS if within and main.difference > 0 else HOLD
    yield rule_verdict("benefit", main.low, -margin, verdict, reason)


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
    yield rule_verdict("calibration gain", gain.low, 0.0, PASS if passes else HOLD, reason)


def no_loss(comparison: Comparison, policy: GatePolicy, *, margin: float) -> Verdicts:  # noqa: ARG001
    """At the level of this look the candidate is not worse by the margin on the main metric."""
    yield non_inferior("benefit", comparison.main, margin)


def first_no_loss(comparison: Comparison, policy: GatePolicy, *, margin: float) -> Verdicts:  # noqa: ARG001
    """The same by the bootstrap bound alone, as method 3 judged it."""
    main = replace(comparison.main, p_value=None)
    if main.low == main.high == 0:
        yield rule_verdict("benefit", main.low, -margin, PASS, "the same predictions on every row")
        return
    yield non_inferior("benefit", main, margin)
