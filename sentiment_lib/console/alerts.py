"""Alerts page: what each alert means, what to do, and what people said of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from markupsafe import Markup
from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.alerts import runbook
from sentiment_lib.pages.safe_text import visible
from sentiment_lib.storage import alert_responses, alerts
from sentiment_lib.storage.alert_responses import AlertResponse
from sentiment_lib.storage.alerts import Alert
from sentiment_lib.storage.page import page_of

#: Alerts on a page.
CARDS = 50
#: Period of the counts of real and false alarms.
COUNTED = timedelta(days=90)
#: Part of a text that consists of test statistics.
MEASUREMENT = "; effect "
#: Part of the line that says what a drift means for quality.
QUALITY = "points of macro-F1"
#: Ids of tweets at their source, in a text.
TWEET_ID = re.compile(r"\b\d{9,19}\b")


@dataclass(frozen=True, kw_only=True)
class AlertCard:
    """An alert as shown: its first line, the rest, its meaning, the runbook's steps and the responses."""

    alert: Alert
    lead: str
    rest: str
    impact: str
    meaning: str
    steps: str | None
    responses: list[AlertResponse]

    @property
    def state(self) -> str:
        """Open, acknowledged or resolved."""
        return "resolved" if self.alert.resolved_at else "acknowledged" if self.alert.acknowledged_at else "open"


def view(connection: Connection, state: str = "unresolved", before: int | None = None) -> dict[str, Any]:
    """Template values of a page of alerts with ids below `before`; `state` is one of `alerts.STATES`."""
    found = alerts.list_alerts(connection, state, before=before, limit=CARDS + 1)
    page = page_of(found, CARDS, lambda row: row.alert_id)
    responses = alert_responses.of_alerts(connection, [row.alert_id for row in page.rows])
    return {
        "cards": [_card(row, responses.get(row.alert_id, [])) for row in page.rows],
        "older": page.older,
        "state": state,
        "states": tuple(alerts.STATES),
        "answer": _answer(alerts.list_alerts(connection)),
        "counts": alert_responses.verdict_counts(connection, clock.now() - COUNTED),
        "link_tweets": link_tweets,
    }


def link_tweets(text: str, base: str) -> Markup:
    """The text, escaped, with each tweet id as a link to its page."""
    parts, at = [], 0
    for match in TWEET_ID.finditer(text):
        parts += [
            visible(text[at : match.start()]),
            Markup('<a href="{}/tweets/{}">{}</a>').format(base, match[0], match[0]),
        ]
        at = match.end()
    return Markup("").join([*parts, visible(text[at:])])


def _card(alert: Alert, responses: list[AlertResponse]) -> AlertCard:
    # a drift check's text begins with effects and p-values, which are for those who ask
    lead, _, rest = alert.body.partition("\n")
    if MEASUREMENT in alert.body:
        # what it means for quality goes first
        lead = next((line for line in alert.body.splitlines() if QUALITY in line), "")
        rest = "\n".join(line for line in alert.body.splitlines() if line != lead)
    impact, meaning = runbook.impact(alert.kind, alert.severity)
    return AlertCard(
        alert=alert,
        lead=lead,
        rest=rest,
        impact=impact,
        meaning=meaning,
        steps=runbook.section(alert.kind),
        responses=responses,
    )


def _answer(pending: list[Alert]) -> str:
    """All unresolved alerts in one sentence."""
    if not pending:
        return "Nothing needs attention: no alert is open."
    risky = [alert for alert in pending if runbook.impact(alert.kind, alert.severity)[0] == "quality at risk"]
    count = f"{len(pending)} alert{'s are' if len(pending) > 1 else ' is'} unresolved"
    if risky:
        return f"{count}; the quality of predictions is at risk: {risky[0].title}."
    return f"{count}; none shows a loss of quality."
