"""Overview page: what tweets say about the airlines, and the health of the loop that reads them."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.console import date_range, health, sentiment
from sentiment_lib.console.champion_timeline import MOVED
from sentiment_lib.console.date_range import DateRange
from sentiment_lib.console.quality_chart import quality_chart
from sentiment_lib.pages.charts.figure import Chart
from sentiment_lib.pages.charts.lines import Event
from sentiment_lib.settings import Settings
from sentiment_lib.storage import daily_quality, daily_sentiment, decisions, drift_history, tweet_search
from sentiment_lib.storage.approval_requests import of_airflow

#: Pending approvals, newest negative tweets and growing words shown.
PENDING, NEWEST, GROWING = 5, 6, 8
#: Query by which Airflow's form preselects an option, as JSON.
PROMOTE = urlencode({"_options": '["Promote"]'})


def view(
    connection: Connection, settings: Settings, *, start: str = "", end: str = "", airline: str | None = None
) -> dict[str, Any]:
    """Template values; start, end: of the range, ISO dates or ""; airline: only its tweets.

    Raises BadInput for a range that is none.
    """
    versions = daily_sentiment.newest_versions(connection)
    version = versions[0] if versions else None
    span = daily_sentiment.span(connection, version) if version is not None else None
    shown = date_range.parse(start, end, span, clock.now().date())
    found = sentiment.view(connection, version, shown, airline) if version is not None else None
    return {
        **health.view(connection, settings.policy),
        "waiting": [
            (decision, answer_address(decision.requested_by))
            for decision in decisions.waiting(connection)[::-1][:PENDING]
        ],
        "range": shown,
        "span": span,
        "presets": date_range.presets(span),
        "airline": airline,
        "airline_query": f"&airline={quote(airline)}" if airline is not None else "",
        "airline_name": sentiment.airline_name,
        "found": found,
        "answer": sentiment.answer(found, airline) if found else None,
        "newest": tweet_search.newest_negative(connection, version, shown.first, shown.last, airline, NEWEST)
        if version is not None
        else [],
        "growing": _growing(connection, shown),
        "quality_chart": _quality(connection, shown),
        "moved": MOVED,
        "label_page": f"{settings.api_url.rstrip('/')}/label",
    }


def answer_address(requested_by: str) -> str | None:
    """Airflow's page for answering the approval of this request; None for requests from the command line.

    Airflow preselects the option: an approval is requested only for what the gate says to promote.
    """
    if not of_airflow(requested_by):
        return None
    dag_id, _, run_id = requested_by.partition("/")
    return f"/dags/{dag_id}/runs/{run_id}/tasks/approval/required_actions?{PROMOTE}"


def _growing(connection: Connection, shown: DateRange) -> dict[str, Any] | None:
    """Words whose share of tweets grew, of the newest drift report in the range; None without one."""
    end = datetime.combine(shown.last + timedelta(days=1), time(), UTC)
    report = drift_history.newest_until(connection, end)
    if report is None or report.current_end.date() < shown.first:
        return None
    words = [word for word in report.details.get("causes", {}).get("words", ()) if word["now"] > word["before"]]
    return {"report": report, "words": words[:GROWING]}


def _quality(connection: Connection, shown: DateRange) -> Chart | None:
    """Quality by day; None without figures in the range."""
    days = [day for day in daily_quality.series(connection, shown.first) if day.day <= shown.last]
    if not days:
        return None
    times = [datetime.combine(day.day, time(), UTC) for day in days]
    events = [
        Event(at=change.at, text=f"version {change.model_version} ({change.kind})")
        for change in daily_quality.champion_changes(connection, shown.first)
        # a change after the newest data would stretch the axis to it
        if min(times) <= change.at <= max(times)
    ]
    return quality_chart(days, events)
