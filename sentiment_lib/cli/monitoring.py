"""Commands that watch: drift, alerts, and a first look at data."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sentiment_lib.storage.engine import Store

Json = Annotated[bool, typer.Option("--json", help="one JSON document instead of words")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(drift)
    app.command()(explore)
    alerts = typer.Typer(no_args_is_help=True, help="What a person should look at.")
    alerts.command("list")(list_alerts)
    alerts.command()(ack)
    alerts.command()(resolve)
    alerts.command("test")(send_test)
    alerts.command("watch")(watch_rules)
    app.add_typer(alerts, name="alerts")


def drift(
    at: Annotated[datetime | None, typer.Option(help="end of the current window (UTC when it has no zone)")] = None,
    as_json: Json = False,
) -> None:
    """Compare the current window of tweets with the reference window."""
    from dataclasses import asdict
    from datetime import UTC

    from sentiment_lib.settings import load_settings
    from sentiment_lib.steps.monitoring import check_drift
    from sentiment_lib.storage.engine import Store

    settings = load_settings()
    moment = at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at
    report = check_drift.run(Store.open(settings), settings, at=moment)
    if as_json:
        typer.echo(json.dumps(asdict(report), default=str))
        return
    typer.echo(f"Report {report.report_id}: {report.verdict} ({report.current.start} to {report.current.end})")
    for one in report.signals:
        if one["drifted"]:
            typer.echo(
                f"  {one['signal']}: effect {one['effect']:.3f} (floor {one['floor']:.3f}), p {one['adjusted']:.2g}"
            )
    if report.html_path:
        typer.echo(f"  {settings.reports / report.html_path}")


def list_alerts(
    state: Annotated[str, typer.Option(help="open, acknowledged, unresolved, resolved or all")] = "unresolved",
    as_json: Json = False,
) -> None:
    """Alerts, newest first."""
    from sentiment_lib.errors import BadInput
    from sentiment_lib.storage import alerts

    if state not in alerts.STATES:
        raise BadInput(what="--state", problem=f"'{state}' is none of {', '.join(alerts.STATES)}")
    with _store().begin() as connection:
        found = alerts.list_alerts(connection, state)
    if as_json:
        typer.echo(json.dumps(found, default=str))
    elif not found:
        typer.echo("No alerts.")
    else:
        for one in found:
            over = "resolved" if one["resolved_at"] else "acknowledged" if one["acknowledged_at"] else "open"
            opened = f"{one['opened_at']:%Y-%m-%d %H:%M}"
            typer.echo(f"{one['alert_id']:>5} {one['severity']:8} {over:12} {opened} x{one['count']:<4} {one['title']}")


def ack(
    alert_id: int, by: Annotated[str, typer.Option(help="who looks at it", envvar="USER")], as_json: Json = False
) -> None:
    """Say that you look at it: it is not repeated, and its end is still told."""
    from sentiment_lib.storage import alerts

    with _store().begin() as connection:
        alerts.acknowledge(connection, alert_id, by)
    _done(as_json, alert_id=alert_id, acknowledged_by=by)


def resolve(
    alert_id: int, by: Annotated[str, typer.Option(help="who says so", envvar="USER")], as_json: Json = False
) -> None:
    """Say that it is over."""
    from sentiment_lib.storage import alerts

    with _store().begin() as connection:
        alerts.resolve_alert(connection, alert_id, by)
    _done(as_json, alert_id=alert_id, resolved_by=by)


def send_test(as_json: Json = False) -> None:
    """Send a test message to every receiver of SENTIMENT_ALERT_URLS, past the outbox; exit code 1 when one fails."""
    from sentiment_lib.alerts import delivery
    from sentiment_lib.errors import BadInput
    from sentiment_lib.settings import load_settings

    receivers = delivery.receivers(load_settings())
    if not receivers:
        raise BadInput(what="SENTIMENT_ALERT_URLS", problem="it is not set, so alerts go to the log only")
    for number, receiver in enumerate(receivers, start=1):
        try:
            delivery.send(receiver, "[TEST] Alerts reach this receiver", "Nothing happened.", "info")
        except ConnectionError as error:
            raise BadInput(what=f"Receiver {number} of SENTIMENT_ALERT_URLS", problem=str(error)) from error
    _done(as_json, reached=len(receivers))


def watch_rules(
    every: Annotated[float, typer.Option(min=0, help="seconds between looks; 0 looks once")] = 10, as_json: Json = False
) -> None:
    """Look at the rules of the platform's own running, and deliver alerts, until stopped."""
    import time
    from dataclasses import asdict

    from sqlalchemy.exc import OperationalError

    from sentiment_lib.alerts.api_health import ApiHealth
    from sentiment_lib.settings import load_settings
    from sentiment_lib.steps.operations import check_alerts
    from sentiment_lib.storage.engine import Store

    settings = load_settings()
    store = Store.open(settings)
    api = ApiHealth()
    while True:
        try:
            found = check_alerts.run(store, settings, api=api)
            if as_json or found.sent or found.waiting:
                typer.echo(json.dumps(asdict(found)))
        except OperationalError as error:
            if not every:
                raise
            typer.echo(f"The database is away, another look follows: {error.orig}", err=True)
        if not every:
            return
        time.sleep(every)


def explore(
    what: Annotated[str, typer.Argument(help="a snapshot's id, or a file of labelled tweets (CSV, Parquet)")],
    to: Annotated[Path, typer.Option(help="the page to write")] = Path("explore.html"),
    as_json: Json = False,
) -> None:
    """Write one page to look at labelled tweets with: shares, words, lengths, repeats, conflicts, doubtful labels."""
    from sentiment_lib.settings import load_settings
    from sentiment_lib.steps.monitoring import explore as step

    _done(as_json, **step.run(load_settings(), what=what, to=to))


def _store() -> Store:
    from sentiment_lib.settings import load_settings
    from sentiment_lib.storage.engine import Store

    return Store.open(load_settings())


def _done(as_json: bool, **facts: object) -> None:
    text = ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in facts.items())
    typer.echo(json.dumps(facts, default=str) if as_json else text)
