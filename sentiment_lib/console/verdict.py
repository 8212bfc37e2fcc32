"""A decision in plain words: what the gate said, which rules failed or could not judge, and what would change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sentiment_lib.evaluation.comparison import Comparison
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.evaluation.evidence_text import confidence, humanise_metrics, verdict_name
from sentiment_lib.evaluation.sample_size import labels_needed
from sentiment_lib.evaluation.significance import Difference
from sentiment_lib.pages import formatting
from sentiment_lib.pages.charts.figure import Chart
from sentiment_lib.pages.charts.intervals import Interval, intervals
from sentiment_lib.records import Answer, RuleVerdict

HEADLINES = {
    Answer.PROMOTE: "Better than the champion: promote it",
    Answer.HOLD: "Held: not shown to be better and safe",
    Answer.REJECT: "Rejected: worse than the champion, or beyond a limit",
}
#: Beginning of a rule's name, and how a reader sees it.
RULES = {
    "holdout rows": "Enough holdout rows",
    "benefit": "Better on the main metric",
    "calibration gain": "Better calibrated",
    "not worse: ": "No loss of ",
    "slice: ": "No loss on slice: ",
    "class collapse": "Every class is predicted",
    "calibration error": "Calibrated",
    "behaviour: ": "CheckList: ",
    "cost: ": "Cost: ",
    "data: ": "Data: ",
}
#: Beginning of a rule's name, and the unit of its figure and bound; others are counts, times and sizes.
UNITS = {
    "benefit": "points",
    "calibration gain": "points",
    "not worse: ": "points",
    "slice: ": "points",
    "calibration error": "percent",
    "behaviour: ": "percent",
    "data: ": "percent",
}
BENEFIT, GUARD = "benefit", "not worse: "


@dataclass(frozen=True, kw_only=True)
class RuleRow:
    """A rule as shown; `change` says what would change its verdict, "" when it passed."""

    name: str
    outcome: str
    figure: float | None
    bound: float | None
    reason: str
    change: str = ""
    #: how the figure and the bound are written: "points", "percent" or "quantity"
    unit: str = "quantity"

    @property
    def shown(self) -> str:
        """The figure in its unit."""
        return _in_unit(self.figure, self.unit)

    @property
    def limit(self) -> str:
        """The bound in its unit."""
        return _in_unit(self.bound, self.unit)


@dataclass(frozen=True, kw_only=True)
class MetricRow:
    """A metric of both versions, with the bounds of the difference where it was tested."""

    name: str
    champion: float
    candidate: float
    bounds: tuple[float, float] | None

    @property
    def difference(self) -> float:
        """Candidate minus champion."""
        return self.candidate - self.champion


def rule_groups(rules: Sequence[RuleVerdict], compared: Comparison | None) -> dict[str, list[RuleRow]]:
    """Rules by outcome: "failed", "not enough data", "passed"."""
    groups: dict[str, list[RuleRow]] = {"failed": [], "not enough data": [], "passed": []}
    for rule in rules:
        outcome = verdict_name(rule.verdict, rule.reason)
        group = outcome if outcome == "not enough data" else "passed" if outcome == "pass" else "failed"
        groups[group].append(
            RuleRow(
                name=rule_name(rule.rule),
                outcome=outcome,
                figure=rule.figure,
                bound=rule.bound,
                reason=humanise_metrics(rule.reason),
                change=_change(rule, compared) if group == "failed" and compared else "",
                unit=next((unit for start, unit in UNITS.items() if rule.rule.startswith(start)), "quantity"),
            )
        )
    return groups


def rule_name(rule: str) -> str:
    """The name of a rule for readers."""
    for start, words in RULES.items():
        if rule.startswith(start):
            return humanise_metrics(words + rule.removeprefix(start))
    return humanise_metrics(rule)


def headline(answer: Answer, compared: Comparison | None) -> str:
    """The verdict in a few words; compared: None when the evidence cannot be read."""
    if answer is Answer.PROMOTE and compared is not None and compared.calibration is not None:
        return "Better calibrated than the champion, and not worse: promote it"
    if answer is Answer.REJECT and compared is not None and compared.main.low > 0:
        return "Rejected: better on the main metric, but beyond a limit"
    return HEADLINES[answer]


def sentence(evidence: Evidence, groups: Mapping[str, Sequence[RuleRow]]) -> str:
    """The gain with its interval, and what decided."""
    main = evidence.comparison.main
    low, high = (formatting.signed(100 * bound, 1) for bound in (main.low, main.high))
    metric = humanise_metrics(main.metric)
    text = (
        f"{metric[:1].upper()}{metric[1:]} changes by {formatting.signed(100 * main.difference, 1)} points "
        f"({low} to {high}) on {evidence.rows:,} holdout rows"
    )
    if gain := evidence.comparison.calibration:
        text += f"; the calibration error from {100 * gain.champion:.1f} to {100 * gain.candidate:.1f} points"
    failed = [row.name for row in groups["failed"]]
    if failed:
        text += f"; failed: {', '.join(failed[:3])}{f' and {len(failed) - 3} more' if len(failed) > 3 else ''}"
    unknown = len(groups["not enough data"])
    return text + (f"; {unknown} rules had too few rows to judge." if unknown else ".")


def metric_rows(compared: Comparison) -> list[MetricRow]:
    """Every metric, those with a tested difference first."""
    tested = {difference.metric: difference for difference in (compared.main, *compared.guards)}
    names = [*tested, *(name for name in compared.champion if name not in tested)]
    return [
        MetricRow(
            name=humanise_metrics(name),
            champion=compared.champion[name],
            candidate=compared.candidate[name],
            bounds=(tested[name].low, tested[name].high) if name in tested else None,
        )
        for name in names
        if name in compared.champion
    ]


def gain_chart(compared: Comparison, rules: Sequence[RuleVerdict]) -> Chart:
    """Tested differences with their intervals, zero, and the bound that each must keep."""
    bounds = {rule.rule.removeprefix(GUARD): rule.bound for rule in rules if rule.rule.startswith(GUARD)}
    benefit = next((rule.bound for rule in rules if rule.rule == BENEFIT), 0.0)
    rows = [
        _interval(f"{humanise_metrics(compared.main.metric)} (main)", compared.main, benefit),
        *(_interval(humanise_metrics(guard.metric), guard, bounds.get(guard.metric)) for guard in compared.guards),
    ]
    return intervals(
        f"Candidate minus champion, {confidence(compared.main.level)}; red: the bound to stay above",
        rows,
        axis="difference",
        unit="points",
        note="confidence interval",
    )


def slice_chart(compared: Comparison) -> Chart | None:
    """Differences on the slices with enough rows; None without one."""
    judged = [(part, part.difference) for part in compared.slices if part.difference]
    if not judged:
        return None
    rows = [_interval(f"{part.name} ({part.rows:,})", difference, None) for part, difference in judged]
    title = f"By slice, {confidence(judged[0][1].level)}"
    return intervals(title, rows, axis="difference", unit="points", note="confidence interval")


def _change(rule: RuleVerdict, compared: Comparison) -> str:
    """What would change a verdict."""
    if rule.rule == "holdout rows" and rule.bound is not None and rule.figure is not None:
        return f"{rule.bound - rule.figure:,.0f} more labelled rows in the holdout."
    if rule.rule == BENEFIT and rule.verdict == "hold":
        return _change_of_benefit(compared)
    if rule.rule == "calibration gain":
        return "More audit labels in the holdout, or a champion that is further from calibrated."
    if rule.rule.startswith(GUARD):
        guard = next((one for one in compared.guards if rule.rule == GUARD + one.metric), None)
        distance = guard.difference - (rule.bound or 0.0) if guard else 0.0
        if guard and distance > 0:
            needed = labels_needed(distance, guard.row_deviation, level=guard.level)
            if needed:
                more = max(needed - compared.rows, 0)
                seen = f"if the difference stays at {formatting.signed(100 * guard.difference, 1)} points"
                return f"About {more:,} more labelled rows, {seen}; or a better candidate."
        return "A candidate without this loss."
    if rule.rule.startswith("slice: "):
        return f"A candidate without a loss on this slice, or more labels of it (now {_slice_rows(rule, compared):,})."
    if rule.rule.startswith("cost: "):
        return "A cheaper family, or another limit in the policy; another retrain, where the machine was busy."
    if rule.rule.startswith("data: "):
        return "Other training data: the next snapshot may pass."
    return "Another candidate."


def _change_of_benefit(compared: Comparison) -> str:
    """What would change a HOLD for want of a gain: more rows decide on a gain that was seen, never make one."""
    gain = compared.main.difference
    if gain <= 0:
        return "A better candidate: no gain was seen."
    if round(100 * gain, 1) == 0:
        return "A better candidate: hardly any gain was seen."
    more = max((compared.labels_needed.get("observed") or 0) - compared.rows, 0)
    if not more:
        return "A larger gain."
    seen = f"if the gain stays at {formatting.signed(100 * gain, 1)} points"
    return f"About {more:,} more labelled rows, {seen}; or a larger gain."


def _in_unit(value: float | None, unit: str) -> str:
    if unit == "points":
        return formatting.DASH if value is None else f"{formatting.points(value)} points"
    return formatting.percent(value) if unit == "percent" else formatting.quantity(value)


def _slice_rows(rule: RuleVerdict, compared: Comparison) -> int:
    name = rule.rule.removeprefix("slice: ")
    return next((part.rows for part in compared.slices if part.name == name), 0)


def _interval(name: str, difference: Difference, bound: float | None) -> Interval:
    return Interval(name=name, value=difference.difference, low=difference.low, high=difference.high, bound=bound)
