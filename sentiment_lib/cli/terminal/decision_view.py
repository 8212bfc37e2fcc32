"""A decision for the terminal: verdict, gain against zero and its bound, metrics side by side, rules by outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentiment_lib.cli.terminal import interval_bar
from sentiment_lib.cli.terminal.interval_bar import IntervalBar
from sentiment_lib.console import verdict
from sentiment_lib.evaluation import evidence_text
from sentiment_lib.evaluation.evidence_text import humanise_metrics
from sentiment_lib.pages import formatting
from sentiment_lib.records import Answer

if TYPE_CHECKING:
    from rich.console import Console

    from sentiment_lib.evaluation.comparison import Comparison
    from sentiment_lib.evaluation.evidence_record import Evidence
    from sentiment_lib.evaluation.selection_bias import CorrectedGain
    from sentiment_lib.records import DecisionRecord, RuleVerdict, SyntheticRows

STYLES = {Answer.PROMOTE: "bold green", Answer.HOLD: "bold yellow", Answer.REJECT: "bold red"}
#: Colour and mark of each outcome of a rule.
MARKS = {"failed": ("red", "✗"), "not enough data": ("yellow", "?"), "passed": ("green", "✓")}


@dataclass(frozen=True, kw_only=True)
class DecisionView:
    """What is shown of a decision; `state` says whether it is pending, and how it was answered."""

    decision: DecisionRecord
    evidence: Evidence
    state: str
    synthetic: SyntheticRows
    gain: CorrectedGain | None
    watch: str | None
    address: str

    def draw(self, console: Console, *, every_rule: bool = False) -> None:
        """Print it; `every_rule` lists the rules that passed as well."""
        compared = self.evidence.comparison
        groups = verdict.rule_groups(self.decision.rules, compared)
        self._headline(console, groups)
        _gain(console, compared, self.decision.rules)
        if self.gain:
            console.print(evidence_text.selection(self.gain), highlight=False)
        _metrics(console, compared, self.evidence)
        _rules(console, groups, every_rule=every_rule)
        console.print()
        for sentence in (*evidence_text.aim_and_budget(self.evidence), self.watch):
            if sentence:
                console.print(sentence, highlight=False)
        console.print(f"Evidence {self.decision.evidence_hash}", highlight=False, soft_wrap=True)
        console.print(f"Pictures and examples: {self.address}", highlight=False, soft_wrap=True)

    def _headline(self, console: Console, groups: Mapping[str, Sequence[verdict.RuleRow]]) -> None:
        decision, evidence = self.decision, self.evidence
        style = STYLES[decision.verdict]
        console.print(f"Decision {decision.decision_id}: [{style}]{decision.verdict}[/]; {self.state}", highlight=False)
        console.print(f"[bold]{verdict.headline(decision.verdict, evidence.comparison)}[/bold]", highlight=False)
        if self.synthetic:
            console.print(f"⚠ {self.synthetic}", style="yellow", highlight=False)
        console.print(
            f"Version {evidence.candidate.version} ({evidence.candidate.family}) against champion "
            f"{evidence.champion.version} ({evidence.champion.family}). {verdict.sentence(evidence, groups)}",
            highlight=False,
        )


def _gain(console: Console, compared: Comparison, rules: Sequence[RuleVerdict]) -> None:
    bounds = {rule.rule.removeprefix(verdict.GUARD): rule.bound for rule in rules}
    bounds[compared.main.metric] = bounds.get(verdict.BENEFIT) or 0.0
    bars = [
        IntervalBar(
            name=humanise_metrics(one.metric),
            value=one.difference,
            low=one.low,
            high=one.high,
            bound=bounds.get(one.metric),
        )
        for one in (compared.main, *compared.guards)
    ]
    width = max(len(bar.name) for bar in bars)
    console.print(
        f"\nCandidate minus champion in points, {evidence_text.confidence(compared.main.level)}"
        " (│ zero, ▲ the bound to stay above)",
        highlight=False,
    )
    for bar, line in zip(bars, interval_bar.draw(bars), strict=True):
        figures = f"{_points(bar.value)} ({_points(bar.low)} to {_points(bar.high)})"
        console.print(f"  {bar.name:{width}} {line} {figures}", highlight=False, markup=False, soft_wrap=True)


def _metrics(console: Console, compared: Comparison, evidence: Evidence) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(f"metric on {evidence.rows:,} holdout rows")
    for head in ("champion", "candidate", "difference, points"):
        table.add_column(head, justify="right")
    for row in verdict.metric_rows(compared):
        champion, candidate = formatting.percent(row.champion), formatting.percent(row.candidate)
        table.add_row(row.name, champion, candidate, _points(row.difference))
    console.print(table, highlight=False)


def _rules(console: Console, groups: Mapping[str, Sequence[verdict.RuleRow]], *, every_rule: bool) -> None:
    counts = ", ".join(f"{len(rows)} {outcome}" for outcome, rows in groups.items())
    console.print(f"Rules: {counts}" + ("" if every_rule else "; --all lists each"), highlight=False)
    for outcome, rows in groups.items():
        colour, mark = MARKS[outcome]
        if outcome == "failed" or every_rule:
            for row in rows:
                console.print(f"[{colour}]{mark}[/] {_escaped(row.name)}: {_escaped(row.reason)}", highlight=False)
                if row.change:
                    console.print(f"    → {row.change}", highlight=False, markup=False)
        elif rows and outcome == "not enough data":
            console.print(f"[{colour}]{mark}[/] {_escaped(', '.join(row.name for row in rows))}", highlight=False)


def _points(share: float) -> str:
    return formatting.signed(100 * share, 1)


def _escaped(text: str) -> str:
    """Names of slices come from data sets: brackets in them are no markup."""
    from rich.markup import escape

    return escape(text)
