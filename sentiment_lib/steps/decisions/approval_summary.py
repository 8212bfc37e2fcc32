"""The approval request as Markdown: both versions side by side, the gate's rules, and what a response changes."""

from __future__ import annotations

from sentiment_lib.evaluation import evidence_text
from sentiment_lib.evaluation.comparison import Comparison
from sentiment_lib.evaluation.evidence_record import Evidence, HyperparameterSearch
from sentiment_lib.evaluation.evidence_text import humanise_metrics, verdict_name
from sentiment_lib.evaluation.selection_bias import CorrectedGain
from sentiment_lib.policy import ApprovalPolicy
from sentiment_lib.records import Answer, Approval, DecisionRecord, SyntheticRows

METRICS = (
    ("negative_f1", "F1 of class negative"),
    ("negative_recall", "recall of class negative"),
    ("macro_f1", "macro-F1"),
    ("macro_recall", "macro-recall"),
    ("accuracy", "accuracy"),
    ("calibration_error", "expected calibration error"),
)
SHADOW_NOTE = (
    "Both versions score new tweets from now on; the page of the decision, below, shows the shadow comparison.",
    "",
)
MARKS = {"hold": "◐ hold", "reject": "✘ reject"}


def summarise(
    decision: DecisionRecord,
    policy: ApprovalPolicy,
    approval: Approval | None,
    synthetic: SyntheticRows,
    gain: CorrectedGain | None = None,
    watch: str | None = None,
) -> str:
    """Markdown with aim, budget, metrics of both versions, rules that failed or could not judge, and evidence hash.

    `approval` is the decision's, when it has one: without a pending approval, expiry and shadow scoring are left out.
    `synthetic` counts the synthetic rows of the decision's snapshot; `gain` is that of `selection`, `watch` the
    sentence of `watch_power`. Raises BadInput
    when the evidence cannot be parsed.
    """
    pending = decision.verdict is Answer.PROMOTE and approval is None
    evidence = Evidence.from_json(decision.evidence)
    compared, main = evidence.comparison, evidence.comparison.main
    candidate, champion = evidence.candidate, evidence.champion
    lines = [
        *((f"⚠ **{synthetic}**", "") if synthetic else ()),
        f"**Version {candidate.version} ({candidate.family})** would replace champion "
        f"**{champion.version} ({champion.family})** for every tweet scored from then on. "
        f"[Pictures, examples and every rule](/sentiment/decisions/{decision.decision_id})",
        "",
        f"Evaluated on the same {evidence.rows:,} holdout rows, on which neither was trained. {_sample_note(evidence)}"
        f"Difference in {dict(METRICS).get(main.metric, main.metric)}: **{_points(main.difference)} points** "
        f"({evidence_text.confidence(main.level)} {_points(main.low)} to {_points(main.high)})."
        + (f" {evidence_text.selection(gain)}" if gain else "")
        + _search_note(candidate.search),
        "",
        *(line for sentence in evidence_text.aim_and_budget(evidence) for line in (sentence, "")),
        evidence_text.deciding_rows(compared),
        "",
        "| metric | champion | candidate | difference |",
        "|---|---:|---:|---:|",
        *(
            f"| {label} | {_percent(compared.champion[name])} | {_percent(compared.candidate[name])} "
            f"| {_points(compared.candidate[name] - compared.champion[name])} |"
            for name, label in METRICS
        ),
        "",
        *_rules(decision),
        "",
        _missed_negatives(compared),
        "",
        *((watch, "") if watch else ()),
        *(SHADOW_NOTE if pending else ()),
        (f"Expires {decision.decided_at + policy.expires_after:%Y-%m-%d %H:%M} UTC. " if pending else "")
        + f"Holdout look {evidence.looks_before + 1} at this champion, at significance level {main.level:.2g}. "
        f"Evidence `{decision.evidence_hash}`. "
        f"[Decision {decision.decision_id}](/sentiment/decisions/{decision.decision_id})",
    ]
    return "\n".join(lines)


def _rules(decision: DecisionRecord) -> list[str]:
    """Counts, the rules that failed with their reasons, and the names of those with too few rows to judge."""
    outcomes = [(rule, verdict_name(rule.verdict, rule.reason)) for rule in decision.rules]
    failed = [(rule, outcome) for rule, outcome in outcomes if outcome in MARKS]
    unknown = [rule.rule for rule, outcome in outcomes if outcome == "not enough data"]
    passed = len(outcomes) - len(failed) - len(unknown)
    lines = [f"Rules: {passed} passed, {len(failed)} failed, {len(unknown)} without enough data to judge."]
    if unknown:
        lines += ["", f"Not enough data: {_cell(', '.join(unknown))}."]
    if failed:
        lines += ["", "| failed rule | | reason |", "|---|---|---|"]
        lines += [f"| {_cell(rule.rule)} | {MARKS[outcome]} | {_cell(rule.reason)} |" for rule, outcome in failed]
    return lines


def _sample_note(evidence: Evidence) -> str:
    return f"{evidence.sample.text} " if evidence.sample else ""


def _search_note(search: HyperparameterSearch | None) -> str:
    if search is None:
        return ""
    return f" Its hyperparameters are the best of {search.configurations} configurations, searched on training rows."


def _missed_negatives(compared: Comparison) -> str:
    negatives = compared.cells[0]
    lost = sum(negatives[0][1:])
    gained = sum(row[0] for row in negatives[1:])
    return (
        f"Of {sum(map(sum, negatives))} negative tweets, the candidate finds {gained} that the champion misses, and "
        f"misses {lost} that the champion finds."
    )


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _cell(text: str) -> str:
    """Humanise and escape a table cell: an airline's name from a data set must not break the Markdown table."""
    return humanise_metrics(text).replace("|", "\\|").replace("\n", " ")
