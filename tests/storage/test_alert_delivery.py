"""Alerts reach people once per incident: flapping, failing, dead receivers and a thousand at once."""

from __future__ import annotations

import email
import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from aiosmtpd.controller import Controller

from sentiment_lib.alerts import delivery
from sentiment_lib.policy import AlertPolicy, Policy
from sentiment_lib.settings import Settings
from sentiment_lib.steps.operations import check_alerts
from sentiment_lib.storage import alerts, grants
from sentiment_lib.storage import alerts as stored

#: Steps run as the platform runs them.
DATABASE_ROLE = grants.APP


class Hook:
    """A webhook on loopback that can be made to refuse."""

    def __init__(self):
        hook = self
        self.taken = []
        self.tries = 0
        self.alive = True

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                content = self.rfile.read(int(self.headers["Content-Length"]))
                hook.tries += 1
                if hook.alive:
                    hook.taken.append(json.loads(content))
                self.send_response(200 if hook.alive else 503)
                self.end_headers()

            def log_message(self, *args):
                """Quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"json://127.0.0.1:{self.server.server_port}/hook"

    @property
    def titles(self):
        return [one["title"] for one in self.taken]


@pytest.fixture
def hook():
    one = Hook()
    yield one
    one.server.shutdown()
    one.server.server_close()


def settings_for(*urls, **policy):
    return Settings(alert_urls=",".join(urls), policy=Policy(alerts=AlertPolicy(**policy)))


def fire(store, key="drift", severity="critical"):
    with store.begin() as connection:
        return alerts.open_alert(connection, "drift", severity, key, f"Something about {key}", "words moved")


def clear(store, key="drift"):
    with store.begin() as connection:
        alerts.resolve_by_key(connection, key)


def now(minutes=0.0):
    return datetime.now(UTC) + timedelta(minutes=minutes)


def test_a_message_that_is_refused_holds_up_no_other(store, hook, monkeypatch):
    send = delivery.send

    def refusing(receiver, title, *rest):
        if "poison" in title:
            raise ConnectionError("413")
        send(receiver, title, *rest)

    monkeypatch.setattr(delivery, "send", refusing)
    settings = settings_for(hook.url)
    for key in ("poison", "drift", "other"):
        fire(store, key)
    assert check_alerts.deliver(store, settings) == (2, 1)
    fire(store, "third")
    assert check_alerts.deliver(store, settings, at=now(60)) == (1, 1)
    assert hook.titles == [f"[CRITICAL] Something about {key}" for key in ("drift", "other", "third")]


def test_an_incident_is_told_once_and_its_end_once(store, hook):
    settings = settings_for(hook.url)
    for _ in range(5):
        fire(store)
        check_alerts.deliver(store, settings)
    clear(store)
    check_alerts.deliver(store, settings)
    assert hook.titles == ["[CRITICAL] Something about drift"]
    for minutes in (6, 7, 8):
        check_alerts.deliver(store, settings, at=now(minutes))
    assert hook.titles[1:] == ["[RESOLVED] Something about drift"]
    assert "docs/runbook.md#drift" in hook.taken[0]["message"]


def test_a_flapping_signal_is_one_incident_with_one_message(store, hook):
    settings = settings_for(hook.url)
    ids = set()
    for minute in range(20):
        ids.add(fire(store))
        check_alerts.deliver(store, settings, at=now(minute / 10))
        clear(store)
        check_alerts.deliver(store, settings, at=now(minute / 10))
    assert len(ids) == 1
    assert len(hook.taken) == 1


def test_a_receiver_that_is_dead_for_ten_minutes_is_told_once_when_it_is_back(store, hook):
    settings = settings_for(hook.url)
    hook.alive = False
    fire(store)
    for second in range(0, 600, 10):
        check_alerts.deliver(store, settings, at=now(second / 60))
    assert hook.tries < 12, "the back-off spares a dead receiver"
    hook.alive = True
    for minute in (15, 16, 17):
        check_alerts.deliver(store, settings, at=now(minute))
    assert len(hook.taken) == 1


def test_a_thousand_alerts_at_once_are_one_digest(store, hook):
    settings = settings_for(hook.url)
    with store.begin() as connection:
        for number in range(1000):
            alerts.open_alert(connection, "dag_failure", "warning", f"dag/{number}", f"Run {number} failed")
    for _ in range(3):
        check_alerts.deliver(store, settings)
    assert hook.titles == ["[WARNING] 1000 alerts: 1000 dag_failure"]


def test_a_dead_receiver_does_not_keep_another_one_waiting(store, hook):
    settings = settings_for("json://127.0.0.1:1/gone", hook.url)
    fire(store)
    assert check_alerts.deliver(store, settings) == (1, 1)
    assert len(hook.taken) == 1


def test_a_sender_killed_before_it_marked_the_message_sends_it_again(store, hook, monkeypatch):
    settings = settings_for(hook.url)
    fire(store)

    def die(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(check_alerts.outbox, "mark_sent", die)
        with pytest.raises(KeyboardInterrupt):
            check_alerts.deliver(store, settings)
    check_alerts.deliver(store, settings)
    assert len(hook.taken) == 2


def test_a_warning_waits_for_the_end_of_quiet_hours_and_a_critical_alert_does_not(store, hook):
    night, morning = datetime(2026, 5, 4, 3, tzinfo=UTC), datetime(2026, 5, 4, 8, tzinfo=UTC)
    settings = settings_for(hook.url, quiet_hours=(22, 7))
    fire(store, "calm", "warning")
    fire(store, "fire", "critical")
    check_alerts.deliver(store, settings, at=night)
    assert hook.titles == ["[CRITICAL] Something about fire"]
    check_alerts.deliver(store, settings, at=morning)
    assert hook.titles[1:] == ["[WARNING] Something about calm"]


def test_a_receiver_for_critical_alerts_is_told_when_a_warning_becomes_critical(store, hook):
    settings = settings_for(f"[critical]{hook.url}")
    fire(store, severity="warning")
    check_alerts.deliver(store, settings)
    assert hook.taken == []
    fire(store, severity="critical")
    fire(store, severity="warning")  # never lowered while it is open
    check_alerts.deliver(store, settings)
    assert hook.titles == ["[CRITICAL] Something about drift"]


def test_an_alert_arrives_as_mail(store):
    class Sink:
        def __init__(self):
            self.mails = []

        async def handle_DATA(self, server, session, envelope):  # noqa: N802 (name given by aiosmtpd)
            self.mails.append(email.message_from_bytes(envelope.content))
            return "250 OK"

    sink = Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=_free_port())
    controller.start()
    try:
        url = f"mailto://127.0.0.1:{controller.port}?from=watch@example.org&to=ops@example.org&mode=insecure"
        fire(store)
        assert check_alerts.deliver(store, settings_for(url)) == (1, 0)
    finally:
        controller.stop()
    assert [mail["Subject"] for mail in sink.mails] == ["[CRITICAL] Something about drift"]


def test_an_acknowledged_alert_is_not_repeated(store, hook):
    settings = settings_for(hook.url)
    alert = fire(store)
    check_alerts.deliver(store, settings)
    with store.begin() as connection:
        stored.acknowledge(connection, alert, "mlops")
    fire(store)
    check_alerts.deliver(store, settings, at=now(60 * 7))
    assert len(hook.taken) == 1


def test_an_incident_that_goes_on_is_told_again_after_hours(store, hook):
    settings = settings_for(hook.url)
    fire(store)
    check_alerts.deliver(store, settings)
    fire(store)
    check_alerts.deliver(store, settings, at=now(60 * 7))
    assert hook.titles == ["[CRITICAL] Something about drift", "[CRITICAL (ongoing)] Something about drift"]


def _free_port():
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
