"""Rules of the slices."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from scipy.stats import norm

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
from sentiment_lib.evaluation.sample_size import labels_needed
from sentiment_lib.evaluation.significance import Difference
from sentiment_lib.policy import GatePolicy


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
            yield rule_verdict(
                name, None, None, PASS, f"{part.rows} rows, {part.negatives} negative: too few to judge, {wanted}"
            )
        elif difference.high < -margin:
            yield rule_verdict(
                name, difference.high, -margin, REJECT, f"{change_of(difference)}: worse than the champion"
            )
        elif difference.low > -margin or (margin == 0 and difference.low >= 0):
            yield rule_verdict(name, difference.low, -margin, PASS, change_of(difference))
        else:
            reason = (
                f"{change_of(difference)}: too few rows to rule out a loss{sample_size(difference, part.rows, margin)}"
            )
            yield rule_verdict(name, difference.low, -margin, PASS, reason)


def _rows_to_rule_out(difference: Difference, rows: int, margin: float) -> str:
    # the bounds are wider than the row deviation says where few rows differ: the larger one counts
    implied = (difference.difference - difference.low) * math.sqrt(rows) / float(norm.isf(difference.level))
    distance = margin + min(difference.difference, 0.0)
    needed = labels_needed(distance, max(difference.row_deviation, implied), level=difference.level)
    return f", {many(needed)} would" if needed else ""


def _rows_if_equal(difference: Difference, rows: int, margin: float) -> str:  # noqa: ARG001
    needed = labels_needed(margin, difference.row_deviation, level=difference.level)
    return f", about {needed:,} would" if needed else ""


def first_slices(comparison: Comparison, policy: GatePolicy) -> Verdicts:
    """Non-inferiority on each slice that has enough rows, as method 1 judged it."""
    for part in comparison.slices:
        name = f"slice: {part.name}"
        difference = part.difference
        if difference is None:
            yield rule_verdict(name, None, None, PASS, f"{part.rows} rows, {part.negatives} negative: too few to judge")
            continue
        verdict = non_inferior(name, difference, policy.slice_non_inferiority)
        # an interval wider than the margin cannot show non-inferiority: only an observed loss then holds
        imprecise = difference.difference - difference.low > policy.slice_non_inferiority > -difference.difference
        if verdict.verdict == HOLD and imprecise:
            verdict = replace(verdict, verdict=PASS, reason=f"{change_of(difference)}: too few rows to rule out a loss")
        yield verdict
