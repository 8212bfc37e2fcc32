"""Summarise the evidence of a decision in sentences for the approver."""

from __future__ import annotations

import re

from sentiment_lib.evaluation.comparison import Comparison

METRICS = re.compile(r"\b(?:negative_f1|negative_recall|macro_f1|macro_recall|calibration_error)\b")


def summary(compared: Comparison) -> str:
    """One sentence: the difference of the main metric with its confidence interval, p-value and significance level."""
    main = compared.main
    return (
        f"{humanise_metrics(main.metric)} {100 * main.difference:+.1f} points "
        f"({100 * main.low:+.1f} to {100 * main.high:+.1f}), p = {main.p_value:.2g} "
        f"at significance level {main.level:.2g}."
    )


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
