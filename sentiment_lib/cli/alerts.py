"""Commands for alerts: list, acknowledge, resolve, test the receivers, evaluate the rules and deliver."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from sentiment_lib.cli.common import Json, Limit, newest, open_store, show, show_facts
from sentiment_lib.cli.token_file import authorise

AlertId = Annotated[int, typer.Argument(help="Alert id, as in `sentiment alerts list`.")]
Comment = Annotated[str, typer.Option(help="Kept with the alert.")]
FalseAlarm = Annotated[
    bool | None, typer.Option("--false-alarm/--real", help="Whether the alarm was false; counted for each rule.")
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(no_args_is_help=True, help="Alerts and their delivery.")
    group.command("list")(list_alerts)
    group.command("acknowledge")(acknowledge)
    group.command()(resolve)
    group.command("test")(send_test)
    group.command("run")(run_rules)
    app.add_typer(group, name="alerts")


def list_alerts(
    state: Annotated[str, typer.Option(help="open, acknowledged, unresolved, resolved or all.")] = "unresolved",
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List alerts, newest first."""
    from sentiment_lib.errors import BadInput, did_you_mean
    from sentiment_lib.storage import alerts

    if state not in alerts.STATES:
        problem = f"'{state}' is none of {', '.join(alerts.STATES)}.{did_you_mean(state, alerts.STATES)}"
        raise BadInput(what="--state", problem=problem)
    with open_store() as (store, _), store.begin() as connection:
        rows = newest(alerts.list_alerts(connection, state, limit=limit + 1), limit)
    lines = []
    for row in rows:
        now = "resolved" if row.resolved_at else "acknowledged" if row.acknowledged_at else "open"
        opened = f"{row.opened_at:%Y-%m-%d %H:%M}"
        lines.append(f"{row.alert_id:>5} {row.severity:8} {now:12} {opened} x{row.count:<4} {row.title}")
    show([asdict(row) for row in rows], as_json, "\n".join(lines) or "No alerts")


def acknowledge(
    alert_id: AlertId, comment: Comment = "", false_alarm: FalseAlarm = None, as_json: Json = False
) -> None:
    """Acknowledge an alert: no reminders, but its end is still sent."""
    show_facts(as_json, alert_id=alert_id, acknowledged_by=_respond(alert_id, "acknowledge", comment, false_alarm))


def resolve(alert_id: AlertId, comment: Comment = "", false_alarm: FalseAlarm = None, as_json: Json = False) -> None:
    """Resolve an alert by hand; that of a forged approval takes an approver who did not request the promotion."""
    show_facts(as_json, alert_id=alert_id, resolved_by=_respond(alert_id, "resolve", comment, false_alarm))


def _respond(alert_id: int, action: str, comment: str, false_alarm: bool | None) -> str:
    """Name of the person whose response was kept."""
    from sentiment_lib.steps.operations import resolve_alert
    from sentiment_lib.storage import alert_responses

    verdict = None
    if false_alarm is not None:
        verdict = alert_responses.FALSE_ALARM if false_alarm else alert_responses.REAL
    with open_store() as (store, settings):
        person = authorise(store, settings, f"alerts {action} {alert_id}")
        if action == "resolve":
            resolve_alert.run(store, alert_id=alert_id, person=person, comment=comment, verdict=verdict)
            return person.name
        with store.begin() as connection:
            alert_responses.respond(connection, alert_id, action, by=person.name, comment=comment, verdict=verdict)
    return person.name


def send_test(as_json: Json = False) -> None:
    """Send a test message to every receiver in SENTIMENT_ALERT_URLS at once; exit code 1 when one fails."""
    from sentiment_lib.alerts import delivery
    from sentiment_lib.errors import BadInput
    from sentiment_lib.settings import load_settings

    receivers = delivery.receivers(load_settings())
    if not receivers:
        raise BadInput(what="SENTIMENT_ALERT_URLS", problem="it is not set, so alerts go to the log only")
    for number, receiver in enumerate(receivers, start=1):
        try:
            delivery.send(receiver, "[TEST] Alerts reach this receiver", "Test message; no action needed.", "info")
        except ConnectionError as error:
            raise BadInput(what=f"Receiver {number} of SENTIMENT_ALERT_URLS", problem=str(error)) from error
    show_facts(as_json, reached=len(receivers))


def run_rules(
    every: Annotated[float, typer.Option(min=0, help="Seconds between two evaluations; 0 evaluates once.")] = 10,
    as_json: Json = False,
) -> None:
    """Evaluate the operational alert rules and deliver messages until stopped."""
    import time

    from sqlalchemy.exc import OperationalError

    from sentiment_lib.alerts.api_health import ApiHealth
    from sentiment_lib.steps.operations import check_alerts

    with open_store() as (store, settings):
        api = ApiHealth()
        while True:
            try:
                result = check_alerts.run(store, settings, api=api)
                if as_json or result.sent or result.waiting:
                    typer.echo(json.dumps(asdict(result)))
            except OperationalError as error:
                if not every:
                    raise
                typer.echo(f"The database cannot be reached; next try in {every:g} s: {error.orig}", err=True)
            if not every:
                return
            time.sleep(every)
