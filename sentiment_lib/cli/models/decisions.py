"""Commands about decisions: evaluate a candidate, read, replay, approve."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentiment_lib.cli.common import Json, Limit, newest, open_store, show, stdout
from sentiment_lib.cli.models import decision_outcomes
from sentiment_lib.cli.terminal.progress_bar import progress_bar
from sentiment_lib.cli.token_file import authorise
from sentiment_lib.records import ApprovalResponse

if TYPE_CHECKING:
    from sentiment_lib.records import Approval

DecisionId = Annotated[int, typer.Argument(help="Decision id, as in `sentiment decision list`.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(evaluate)
    group = typer.Typer(no_args_is_help=True, help="Decisions of the gate, with their evidence.")
    group.command("list")(list_decisions)
    group.command("show")(show_decision)
    group.command()(replay)
    group.command("export")(export_decision)
    decision_outcomes.register(group)
    app.add_typer(group, name="decision")
    app.command()(approve)


def evaluate(
    snapshot_id: Annotated[int, typer.Option("--snapshot", help="Snapshot whose holdout is used.")],
    candidate: Annotated[int, typer.Option(help="Version to compare with the champion.")],
    as_json: Json = False,
) -> None:
    """Compare a candidate with the champion on the holdout and record the gate's decision."""
    from sentiment_lib.steps.decisions import evaluate as step
    from sentiment_lib.steps.decisions import request_approval

    with open_store() as (store, settings):
        person = authorise(store, settings, f"evaluate --snapshot {snapshot_id} --candidate {candidate}")
        with progress_bar(f"Comparing version {candidate} with the champion"):
            decision = step.run(
                store,
                settings,
                snapshot_id=snapshot_id,
                candidate=candidate,
                requested_by=person.name,
                people=[person.name],
            )
        request_approval.record_requester(store, settings, decision_id=decision.decision_id, people=[person.name])
    reasons = "\n".join(f"  {rule.verdict:6} {rule.rule}: {rule.reason}" for rule in decision.rules)
    show(decision, as_json, f"Decision {decision.decision_id}: {decision.verdict}\n{reasons}")


def list_decisions(limit: Limit = 20, as_json: Json = False) -> None:
    """List the latest decisions, newest first."""
    from sentiment_lib.storage import decisions

    with open_store() as (store, _), store.begin() as connection:
        pairs = [
            (decision, decisions.approval(connection, decision.decision_id))
            for decision in newest(decisions.newest(connection, limit + 1), limit)
        ]
    lines = [
        f"{decision.decision_id:>5}  {decision.verdict:8} version {decision.candidate_version} against "
        f"{decision.champion_version}  {_approval_state(decision.verdict, approval)}".rstrip()
        for decision, approval in pairs
    ]
    rows = [{**asdict(decision), "approval": asdict(approval) if approval else None} for decision, approval in pairs]
    show(rows, as_json, "\n".join(lines) or "No decisions")


def export_decision(
    decision_id: DecisionId,
    out: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
) -> None:
    """Write a decision with evidence, approval, ledger rows, anchors and keys as one signed file (JSON).

    `sentiment-verify FILE` checks it on a machine without the platform.
    """
    from sentiment_lib.files import write_atomically
    from sentiment_lib.steps.decisions import export_dossier

    with open_store() as (store, _):
        dossier = export_dossier.run(store, decision_id=decision_id)
    if out is None:
        typer.echo(dossier, nl=False)
    else:
        write_atomically(out, dossier)
        typer.echo(f"{out}: {len(dossier.encode())} bytes; check it with: sentiment-verify {out}")


def _approval_state(gate: str, approval: Approval | None) -> str:
    if approval:
        return str(approval.response)
    return "pending approval" if gate == "PROMOTE" else ""


def show_decision(
    decision_id: DecisionId,
    every_rule: Annotated[bool, typer.Option("--all", help="List the rules that passed as well.")] = False,
    as_json: Json = False,
) -> None:
    """Show a decision: verdict, gain with its interval, metrics of both versions, and rules by outcome."""
    from sentiment_lib.cli.terminal.decision_view import DecisionView
    from sentiment_lib.evaluation.evidence_record import Evidence
    from sentiment_lib.steps.decisions import selection, shadow_comparison, watch_power
    from sentiment_lib.storage import decisions, snapshots

    with open_store() as (store, settings), store.begin() as connection:
        decision = decisions.full_record(connection, decision_id)
        shadow = shadow_comparison.run(connection, decision)
        approval = decisions.approval(connection, decision_id)
        synthetic = snapshots.synthetic_rows(connection, decision.snapshot_id)
        gain = selection.run(connection, decision)
        evidence = Evidence.from_json(decision.evidence)
        watch = watch_power.run(connection, evidence, settings.policy.promotion_watch)
    state = "pending approval" if decision.verdict == "PROMOTE" else "nobody is asked"
    if approval:
        state = f"{approval.response} by {approval.answered_by} ({approval.reason or 'no reason given'})"
    record = asdict(decision) | {
        "evidence": json.loads(decision.evidence),
        "approval": asdict(approval) if approval else None,
        "shadow": shadow.as_dict() if shadow else None,
        "corrected_gain": asdict(gain) if gain else None,
    }
    if as_json:
        show(record, as_json, "")
        return
    DecisionView(
        decision=decision,
        evidence=evidence,
        state=state,
        synthetic=synthetic,
        gain=gain,
        watch=watch,
        address=f"{settings.airflow_url}/sentiment/decisions/{decision_id}",
    ).draw(stdout(), every_rule=every_rule)


def replay(decision_id: DecisionId, as_json: Json = False) -> None:
    """Recompute a decision and compare it byte for byte; exit code 1 when it differs, unless tweets were forgotten."""
    from sentiment_lib.steps.decisions import replay as step

    with open_store() as (store, settings), progress_bar(f"Recomputing decision {decision_id}"):
        result = step.run(store, settings, decision_id=decision_id)
    verdict = "identical, byte for byte" if result.identical else "DIFFERENT"
    if result.gone and not result.identical:
        verdict = "recomputed on what remains" if result.replayed_hash else "what it rests on is forgotten"
    show(result, as_json, "\n".join([f"Decision {decision_id}: {verdict}", *result.gone, *result.differences]))
    if not result.identical and not result.gone:
        raise typer.Exit(1)


def approve(
    decision_id: DecisionId,
    reject: Annotated[bool, typer.Option("--reject", help="Reject instead; needs --reason.")] = False,
    reason: Annotated[str | None, typer.Option(help="Reason, recorded with the approval.")] = None,
    evidence: Annotated[str | None, typer.Option(help="SHA-256 of the evidence that you reviewed.")] = None,
    as_json: Json = False,
) -> None:
    """Approve or reject a pending decision; `promote` then deploys it. Exit code 1 when the response is void.

    Sign in first: `sentiment login`.
    Input errors (not an approver, your own request, a rejection without a reason) are refused before anything is
    recorded: the decision stays pending.
    """
    from sentiment_lib.errors import AnswerRefused
    from sentiment_lib.steps.decisions import approval_rights
    from sentiment_lib.steps.decisions import record_approval as step
    from sentiment_lib.steps.operations import run_requester
    from sentiment_lib.storage import decisions

    with open_store() as (store, settings):
        person = authorise(store, settings, f"{'reject' if reject else 'approve'} {decision_id}")
        with store.begin() as connection:
            decision = decisions.full_record(connection, decision_id)
            earlier = decisions.approval(connection, decision_id)
        response = ApprovalResponse(
            decision_id=decision_id,
            response="rejected" if reject else "approved",
            answered_by=person.name,
            reason=reason,
            evidence_hash=evidence or decision.evidence_hash,
        )
        if not reject:
            run_requester.ensure_recorded(store, settings, decision_id=decision_id)
        if problem := step.input_error(store, settings, response, ()):
            raise AnswerRefused(decision=decision_id, problem=problem)
        approval = step.run(store, settings, response, provenance=person.provenance)
        policy = approval_rights.in_force(settings.policy.approval, decision)
        with store.begin() as connection:
            pending = decisions.approval(connection, decision_id) is None
            needed = approval_rights.remaining(connection, policy, decision_id) if pending else 0
    text = f"Decision {decision_id}: {approval.response}" + (f" ({approval.reason})" if approval.reason else "")
    if earlier is not None:
        text = (
            f"Decision {decision_id}: {earlier.response} by {earlier.answered_by} before, at "
            f"{earlier.answered_at:%Y-%m-%d %H:%M} UTC; nothing changed"
        )
    if pending:
        text += f"; {needed} more of {policy.quorum} approvals needed"
    show(approval, as_json, text)
    if approval.response == "void":
        raise typer.Exit(1)
