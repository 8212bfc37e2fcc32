"""Commands about decisions: read them, answer them, replay them, and verify that nothing was changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from sentiment_lib.cli.lifecycle import By, Json, opened, show

if TYPE_CHECKING:
    from sentiment_lib.records import Approval

Number = Annotated[int, typer.Argument(help="decision id")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(no_args_is_help=True, help="What the gate decided, and why.")
    group.command("list")(list_decisions)
    group.command("show")(show_decision)
    group.command()(replay)
    app.add_typer(group, name="decision")
    app.command()(approve)
    app.command()(verify)
    app.command()(ledger)


def list_decisions(limit: Annotated[int, typer.Option(min=1)] = 20, as_json: Json = False) -> None:
    """The latest decisions, newest first."""
    from dataclasses import asdict

    from sentiment_lib.storage import decisions

    with opened() as (store, _), store.begin() as connection:
        found = [
            {**asdict(one), "approval": decisions.approval(connection, one.decision_id)}
            for one in decisions.newest(connection, limit)
        ]
    lines = [
        f"{one['decision_id']:>5}  {one['answer']:8} version {one['candidate_version']} against "
        f"{one['champion_version']}  {_answered(one['answer'], one['approval'])}".rstrip()
        for one in found
    ]
    for one in found:
        one["approval"] = asdict(one["approval"]) if one["approval"] else None
    show(found, as_json, "\n".join(lines) or "No decision yet")


def _answered(gate: str, approval: Approval | None) -> str:
    if approval:
        return str(approval.answer)
    return "waits for an answer" if gate == "PROMOTE" else ""


def show_decision(decision_id: Number, as_json: Json = False) -> None:
    """One decision with its evidence."""
    from sentiment_lib.steps.decisions import approval_summary, shadow_comparison
    from sentiment_lib.storage import decisions

    with opened() as (store, settings), store.begin() as connection:
        decision = decisions.by_id(connection, decision_id)
        shadow = shadow_comparison.run(connection, decision_id)
        known = decisions.whole(connection, decision_id)
        body = approval_summary.text(connection, decision, settings)
        answer = decisions.approval(connection, decision_id)
    said = "no answer yet"
    if answer:
        said = f"{answer.answer} by {answer.answered_by} ({answer.reason or 'no reason given'})"
    known["evidence"] = json.loads(known["evidence"])
    known["rules"] = [vars(rule) for rule in decision.rules]
    known["approval"] = vars(answer) if answer else None
    known["shadow"] = shadow.as_dict() if shadow else None
    # in Airflow the address of the page stands without its host
    body = body.replace("](/", f"]({settings.airflow_url}/")
    show(known, as_json, f"Decision {decision_id}: {decision.answer}; {said}\n\n{body}")


def replay(decision_id: Number, as_json: Json = False) -> None:
    """Compute a decision again and compare byte for byte; exit code 1 when it differs."""
    from sentiment_lib.steps.decisions import replay as step

    with opened() as (store, settings):
        found = step.run(store, settings, decision_id=decision_id)
    verdict = "identical, byte for byte" if found.identical else "DIFFERENT"
    show(found, as_json, "\n".join([f"Decision {decision_id}: {verdict}", *found.differences]))
    if not found.identical:
        raise typer.Exit(1)


def approve(
    decision_id: Number,
    by: By,
    reject: Annotated[bool, typer.Option("--reject", help="say no; needs a reason")] = False,
    reason: Annotated[str | None, typer.Option()] = None,
    evidence: Annotated[str | None, typer.Option(help="hash of the evidence that was seen")] = None,
    as_json: Json = False,
) -> None:
    """Answer a decision that waits; promotion is a command of its own. Exit code 1 when the answer does not count.

    A slip of the hand (another's name, one's own request, a rejection without a reason) is refused, and the decision
    waits on.
    """
    from sentiment_lib.errors import AnswerRefused
    from sentiment_lib.steps.decisions import record_approval as step
    from sentiment_lib.storage import decisions

    with opened() as (store, settings):
        with store.begin() as connection:
            known = decisions.whole(connection, decision_id)
        answer = "rejected" if reject else "approved"
        # `sentiment retrain` asks as "name/time"
        asked_by = known["requested_by"].partition("/")[0]
        if problem := step.slip(settings, answer, by, reason, (asked_by, known["requested_by"])):
            raise AnswerRefused(decision=decision_id, problem=problem)
        found = step.run(
            store,
            settings,
            decision_id=decision_id,
            answer=answer,
            answered_by=by,
            reason=reason,
            evidence_hash=evidence or known["evidence_hash"],
            requested_by=asked_by,
        )
    show(found, as_json, f"Decision {decision_id}: {found.answer}" + (f" ({found.reason})" if found.reason else ""))
    if found.answer == "void":
        raise typer.Exit(1)


def verify(
    artefacts: Annotated[bool, typer.Option(help="also read every package and snapshot")] = True, as_json: Json = False
) -> None:
    """Check ledger, evidence, deployments, aliases and artefacts; exit code 1 when something was changed."""
    from sentiment_lib.steps.operations import verify as step

    with opened() as (store, settings):
        found = step.run(store, settings, artefacts=artefacts)
    counted = ", ".join(f"{number} {name}" for name, number in found.checked.items())
    show(found, as_json, "\n".join(found.problems) or f"All is as the ledger says ({counted})")
    if not found.ok:
        raise typer.Exit(1)


def ledger(limit: Annotated[int, typer.Option(min=1)] = 30, as_json: Json = False) -> None:
    """The latest rows of the ledger, oldest of them first."""
    from sentiment_lib.storage import ledger as storage

    with opened() as (store, _), store.begin() as connection:
        found = list(storage.entries(connection))[-limit:]
    lines = [f"{one.sequence:>5}  {one.recorded_at:%Y-%m-%d %H:%M:%S}  {one.kind:18} {one.payload}" for one in found]
    show([vars(one) for one in found], as_json, "\n".join(lines) or "The ledger is empty")
