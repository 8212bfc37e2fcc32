"""People's responses to alerts: the history of each, and real and false alarms by rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sentiment_lib.alerts import runbook
from sentiment_lib.console import alerts as page
from sentiment_lib.console.pages import draw
from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.storage import alert_responses, alerts

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def open_drift(connection, key="drift", body="Example tweets: 570306133677760513"):
    return alerts.open_alert(connection, "drift", "warning", key, "The tweets have drifted: <b>words</b>", body)


def test_responses_are_kept_and_the_newest_verdict_on_each_alert_counts(store):
    with store.begin() as connection:
        first, second, third = (open_drift(connection, f"drift/{number}") for number in range(3))
        alert_responses.respond(connection, first, "acknowledge", by="ann", comment=" a storm ", verdict="real")
        alert_responses.respond(connection, first, "resolve", by="bert", verdict="false_alarm")
        alert_responses.respond(connection, first, "comment", by="ann", comment="agreed")
        alert_responses.respond(connection, second, "resolve", by="ann", verdict="real")
        alert_responses.respond(connection, third, "acknowledge", by="ann")
        history = alert_responses.of_alerts(connection, [first, third])
        judged = alert_responses.judged_alerts(connection, LONG_AGO, "drift")
        (counts,) = alert_responses.verdict_counts(connection, LONG_AGO)
        assert alert_responses.verdict_counts(connection, datetime.now(UTC) + timedelta(days=1)) == []
    assert [(said.action, said.verdict, said.comment, said.given_by) for said in history[first]] == [
        ("acknowledge", "real", "a storm", "ann"),
        ("resolve", "false_alarm", None, "bert"),
        ("comment", None, "agreed", "ann"),
    ]
    assert [(one.alert_id, one.verdict, one.given_by) for one in judged] == [
        (first, "false_alarm", "bert"),
        (second, "real", "ann"),
    ]
    assert (counts.kind, counts.real, counts.false_alarms) == ("drift", 1, 1)


@pytest.mark.parametrize(
    ("response", "error"),
    [
        ({"action": "dismiss"}, BadInput),
        ({"action": "resolve", "verdict": "maybe"}, BadInput),
        ({"action": "comment", "comment": "  "}, BadInput),
        ({"action": "comment", "comment": "x" * 2001}, BadInput),
        ({"action": "comment", "comment": "x", "alert_id": 99}, NotFound),
        ({"action": "resolve", "alert_id": 99}, NotFound),
    ],
)
def test_a_response_that_is_not_possible_changes_nothing(store, response, error):
    with store.begin() as connection:
        alert = open_drift(connection)
    with pytest.raises(error), store.begin() as connection:
        alert_responses.respond(connection, **{"alert_id": alert, "by": "ann", **response})
    with store.begin() as connection:
        assert alert_responses.of_alerts(connection, [alert]) == {}
        assert [one.alert_id for one in alerts.list_alerts(connection, "open")] == [alert]


def test_the_page_says_what_it_means_what_to_do_and_what_was_said(store):
    with store.begin() as connection:
        empty = draw("alerts.html", "/alerts", **page.view(connection), may_act=False, problem="")
        alert = open_drift(connection)
        alert_responses.respond(connection, alert, "acknowledge", by="ann", comment="<i>storm</i>", verdict="real")
        shown = draw("alerts.html", "/alerts", **page.view(connection), may_act=True, problem="")
        looked_at = draw("alerts.html", "/alerts", **page.view(connection), may_act=False, problem="")
        alerts.open_alert(connection, "drift", "critical", "drift", "The tweets have drifted")
        critical = draw("alerts.html", "/alerts", **page.view(connection), may_act=True, problem="")
    assert "Nothing needs attention" in empty
    assert "none shows a loss of quality" in shown
    assert "no loss is shown that makes drift critical" in shown
    assert "A storm or a strike passes" in shown, "the runbook's steps"
    assert '/tweets/570306133677760513"' in shown
    assert "&lt;i&gt;storm&lt;/i&gt;" in shown
    assert "<b>words</b>" not in shown
    assert "<form" not in looked_at
    assert "quality of predictions is at risk" in critical


def test_every_kind_in_the_runbook_says_what_it_means():
    named = runbook.ABOUT_QUALITY | runbook.BY_PEOPLE | runbook.ABOUT_INTEGRITY | runbook.ABOUT_OPERATION
    assert [kind for kind in sorted(named) if runbook.section(kind) is None] == []
