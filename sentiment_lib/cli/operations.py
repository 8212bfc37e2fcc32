"""Commands that keep the platform in order: reconcile, automatic rollback, verification, the ledger."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from sentiment_lib.cli.common import Json, Limit, newest, open_store, show
from sentiment_lib.cli.terminal.progress_bar import progress_bar
from sentiment_lib.cli.terminal.table import draw
from sentiment_lib.cli.token_file import authorise


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("auto-rollback")(auto_rollback)
    app.command()(reconcile)
    app.command()(repair)
    app.command("catch-up")(catch_up)
    app.command()(retention)
    app.command()(budget)
    app.command()(verify)
    app.command()(ledger)


def auto_rollback(as_json: Json = False) -> None:
    """Compare the champion with its predecessor on audit labels, and roll back if it is significantly worse."""
    from sentiment_lib.steps.operations import auto_rollback as step

    with open_store() as (store, settings):
        result = step.run(store, settings)
    if result is None:
        show(None, as_json, "No promotion is being monitored")
        return
    test = result.verdict
    text = (
        f"Version {result.champion} against {result.previous}: {test.verdict} after {test.labels} audit labels, "
        f"evidence {test.evidence:.2f} of {test.bound:.0f}"
    )
    show(result, as_json, text + (", rolled back" if result.rollback else ""))


def reconcile(as_json: Json = False) -> None:
    """Finish interrupted moves, restore aliases moved by hand, and expire what is overdue."""
    from sentiment_lib.steps.operations import reconcile as step

    with open_store() as (store, settings):
        result = step.run(store, settings)
    lines = [f"{name.replace('_', ' ')}: {value}" for name, value in asdict(result).items() if value]
    show(result, as_json, "\n".join(lines) or "Nothing to reconcile")


def repair(
    backup: Annotated[Path | None, typer.Option(help="Backup to take packages from that are nowhere else.")] = None,
    identity: Annotated[Path | None, typer.Option(help="File of the private key that reads the backup.")] = None,
    as_json: Json = False,
) -> None:
    """Register versions again that somebody deleted in MLflow; exit code 1 when a package is nowhere to be found."""
    from sentiment_lib.encryption import age
    from sentiment_lib.steps.operations import repair as step

    if (backup is None) != (identity is None):
        raise typer.BadParameter("--backup and --identity go together")
    rescue = step.Rescue(backup=backup, identities=age.read_identity(identity)) if backup and identity else None
    with open_store() as (store, settings):
        person = authorise(store, settings, "repair", approver=True)
        result = step.run(store, settings, by=person.name, rescue=rescue)
    lines = [f"version {version} is registered again, in MLflow as {new}" for version, new in result.registered.items()]
    lines += [f"version {version}: {problem}" for version, problem in result.lost.items()]
    if result.champion is not None:
        lines.append(f"the alias champion is on version {result.champion} again")
    show(result, as_json, "\n".join(lines) or "Nothing to repair: MLflow has every version")
    if result.lost:
        raise typer.Exit(1)


def catch_up(as_json: Json = False) -> None:
    """Do what is overdue: score, check drift, start a requested retrain, deploy what was approved."""
    from sentiment_lib.steps.operations import catch_up as step

    with open_store() as (store, settings):
        result = step.run(store, settings)
    lines = [
        f"{one.count:,} {step.UNDONE[one.stage]} since {one.since:%Y-%m-%d %H:%M} UTC: "
        f"{result.failed.get(one.stage, 'done now')}"
        for one in result.overdue
    ]
    show(result, as_json, "\n".join(lines) or "Nothing is overdue")
    if result.failed:
        raise typer.Exit(1)


def retention(as_json: Json = False) -> None:
    """Make partitions ahead, remove what is past its retention, and show the size of tables and folders."""
    from sentiment_lib.steps.operations import retention as step

    with open_store() as (store, settings):
        result = step.run(store, settings)
        runs = step.remove_training_runs(store, settings)
    removed = [(rule, str(count), "removed") for rule, count in {**result.removed, "training_runs": runs}.items()]
    sizes = {**result.tables, **{f"{name}/": size for name, size in result.folders.items()}}
    rows = [(name, f"{size / 1e6:,.1f}", "MB") for name, size in sizes.items()]
    show(result, as_json, draw(("what", "amount", ""), [*removed, *rows]))


def budget(as_json: Json = False) -> None:
    """Show what this month has used of each budget, the forecast for its end, and what is sampled because of it."""
    from sentiment_lib import clock
    from sentiment_lib.alerts import budget_text
    from sentiment_lib.storage import budgets

    with open_store() as (store, settings), store.begin() as connection:
        found = budgets.of_month(connection, settings.policy.budget, clock.now())
    rows = [(one.name, budget_text.use(one), budget_text.outlook(one)) for one in found]
    sampled = (budget_text.sampling(one, settings.policy.drift) for one in found)
    refused = (f"X refuses: {one.refusal}" for one in found if one.refusal)
    lines = [draw(("budget", "used", "forecast"), rows), *filter(None, sampled), *refused]
    show(found, as_json, "\n".join(lines) if found else "The policy has no budget: SENTIMENT_POLICY__BUDGET__X_READS")


def verify(
    artefacts: Annotated[bool, typer.Option(help="Read model packages and snapshots as well.")] = True,
    full: Annotated[bool, typer.Option("--full", help="Everything, not only what is new since the last time.")] = False,
    as_json: Json = False,
) -> None:
    """Check ledger, evidence, deployments, aliases and artefacts for tampering; exit code 1 on any mismatch."""
    from sentiment_lib.steps.operations import verify as step

    with open_store() as (store, settings), progress_bar("Checking the ledger"):
        result = step.run(store, settings, whole=full, artefacts=artefacts, record=True)
    counts = ", ".join(f"{number} {name}" for name, number in result.checked.items())
    lines = result.problems or (f"Everything matches the ledger ({counts})",)
    if result.since:
        read = f"Read what is newer than ledger row {result.since.sequence}; everything was last read on"
        lines += (f"{read} {result.since.whole_at[:16]} UTC, and is by `sentiment verify --full`",)
    show(result, as_json, "\n".join([*lines, *(f"not checked: {note}" for note in result.notes)]))
    if not result.ok:
        raise typer.Exit(1)


def ledger(limit: Limit = 30, as_json: Json = False) -> None:
    """Print the latest entries of the ledger, oldest first."""
    from sentiment_lib.storage import ledger as storage

    with open_store() as (store, _), store.begin() as connection:
        entries = newest(list(storage.entries(connection))[::-1], limit)[::-1]
    cells = [
        (str(entry.sequence), f"{entry.recorded_at:%Y-%m-%d %H:%M:%S}", entry.kind, _summarise(entry.facts()))
        for entry in entries
    ]
    text = draw(("entry", "recorded (UTC)", "kind", "content"), cells)
    show([vars(entry) for entry in entries], as_json, text or "The ledger is empty")


def _summarise(facts: Mapping[str, Any], width: int = 100) -> str:
    """The short values of an entry in one line; `--json` prints all of it."""
    values = [f"{name} {value}" for name, value in facts.items() if isinstance(value, str | int | float)]
    return textwrap.shorten(", ".join(value for value in values if len(value) <= 60), width, placeholder=" …")
