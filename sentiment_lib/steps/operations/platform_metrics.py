"""Figures of the loop for Prometheus: lags, quality, drift, approvals, labels, alerts, sizes, backups.

Each is read from the database at the moment of the scrape, by queries whose cost does not grow with what is stored.
Those of requests are the API's own (`serving/metrics.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.settings import Settings
from sentiment_lib.storage import (
    alerts,
    backups,
    budgets,
    daily_quality,
    decisions,
    drift_reports,
    ingests,
    label_counts,
    model_versions,
    overdue_work,
    retention,
    scoring_queue,
    stage_times,
)
from sentiment_lib.storage.engine import Store

_DAY = timedelta(days=1)
#: What each metric is, by name. All are gauges; times are in seconds.
HELP: Mapping[str, str] = {
    "sentiment_database_up": "1 when the platform's database could be read",
    "sentiment_stage_age_seconds": "Time since the newest result of a stage of the loop",
    "sentiment_overdue_items": "Work of a stage past its deadline",
    "sentiment_overdue_age_seconds": "Time since the oldest work of a stage that is past its deadline came",
    "sentiment_unscored_tweets": "Collected tweets that wait for the champion's prediction",
    "sentiment_rows_received_day": "Rows that sources brought in the last day",
    "sentiment_rows_quarantined_day": "Rows of the last day that were refused",
    "sentiment_champion": "1 for the version that should serve",
    "sentiment_quality_macro_f1": "Macro-F1 of the champion on its newest day, by basis and bound",
    "sentiment_quality_accuracy": "Accuracy of the champion on its newest day, by bound",
    "sentiment_calibration_error": "Calibration error of the champion, by bound",
    "sentiment_quality_day_age_seconds": "Time since the end of the newest day with figures of quality",
    "sentiment_drift_detected": "1 when the newest drift check found drift",
    "sentiment_drifted_signals": "Signals that drifted in the newest check",
    "sentiment_approvals_waiting": "Promotions that wait for an answer",
    "sentiment_approval_oldest_seconds": "How long the oldest of them has waited",
    "sentiment_labels_waiting": "Tweets of the audit sample without a label",
    "sentiment_labels_day": "Tweets of the audit sample that were labelled in the last day",
    "sentiment_alerts_open": "Unresolved alerts, by severity",
    "sentiment_budget_used": "What this month has used of a budget, in its unit",
    "sentiment_budget_cap": "The month's cap of a budget, in its unit",
    "sentiment_budget_forecast": "Use of a budget at the month's end by the forecast, without sampling, by bound",
    "sentiment_budget_sampled_share": "Share of the source that the next poll reads; 0 when the cap is reached",
    "sentiment_table_bytes": "Size of a table with its indexes",
    "sentiment_folder_bytes": "Size of the files in a folder of SENTIMENT_HOME, as retention last measured it",
    "sentiment_backup_age_seconds": "Time since the moment that the newest backup holds",
    "sentiment_backup_bytes": "Size of the newest backup",
    "sentiment_restore_drill_success": "1 when the last restore drill passed",
    "sentiment_restore_drill_age_seconds": "Time since the last restore drill",
    "sentiment_restore_drill_seconds": "How long the last restore drill took",
}


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A value of a metric of HELP."""

    name: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


def run(store: Store, settings: Settings, *, at: datetime | None = None) -> list[Sample]:
    """The samples of every metric that has a value at `at` (default: now)."""
    now = at or clock.now()
    with store.one_moment() as connection:
        return [sample for read in READERS for sample in read(connection, settings, now)]


def _sample(name: str, value: float | None, **labels: str) -> Iterator[Sample]:
    if value is not None:
        yield Sample(name=name, value=float(value), labels=tuple(sorted(labels.items())))


def _age(moment: datetime, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds())


def _stages(connection: Connection, settings: Settings, now: datetime) -> Iterator[Sample]:
    champion = model_versions.champion(connection)
    for stage in stage_times.stage_times(connection, champion.version if champion else None):
        if stage.at is not None:
            yield from _sample("sentiment_stage_age_seconds", _age(stage.at, now), stage=stage.stage.replace(" ", "_"))
    overdue = {one.stage: one for one in overdue_work.find(connection, settings.policy.deadlines, now)}
    for name in overdue_work.STAGES:
        one = overdue.get(name)
        yield from _sample("sentiment_overdue_items", one.count if one else 0, stage=name)
        yield from _sample("sentiment_overdue_age_seconds", _age(one.since, now) if one else 0, stage=name)
    yield from _sample("sentiment_unscored_tweets", scoring_queue.count(connection))
    received, quarantined = ingests.received_and_quarantined(connection, now - _DAY)
    yield from _sample("sentiment_rows_received_day", received)
    yield from _sample("sentiment_rows_quarantined_day", quarantined)


def _quality(connection: Connection, _: Settings, now: datetime) -> Iterator[Sample]:
    champion = model_versions.champion(connection)
    if champion is None:
        return
    yield from _sample("sentiment_champion", 1, version=str(champion.version), family=champion.family)
    day = daily_quality.newest(connection, champion.version)
    if day is None:
        return
    end = datetime.combine(day.day, datetime.min.time(), UTC) + _DAY
    yield from _sample("sentiment_quality_day_age_seconds", _age(end, now))
    figures = {
        "sentiment_quality_accuracy": {"": "accuracy"},
        "sentiment_calibration_error": {"": "calibration_error"},
        "sentiment_quality_macro_f1": {"estimated": "estimated", "measured": "measured", "powered": "powered"},
    }
    for name, bases in figures.items():
        for basis, field in bases.items():
            labels = {"basis": basis} if basis else {}
            for bound, suffix in (("value", ""), ("low", "_low"), ("high", "_high")):
                yield from _sample(name, getattr(day, field + suffix), **labels, bound=bound)


def _drift(connection: Connection, _: Settings, __: datetime) -> Iterator[Sample]:
    for report in drift_reports.newest_reports(connection, limit=1):
        yield from _sample("sentiment_drift_detected", report.verdict == "drift")
        yield from _sample("sentiment_drifted_signals", report.drifted)


def _people(connection: Connection, _: Settings, now: datetime) -> Iterator[Sample]:
    waiting = decisions.waiting(connection)
    oldest = max((_age(one.decided_at, now) for one in waiting), default=0.0)
    yield from _sample("sentiment_approvals_waiting", len(waiting))
    yield from _sample("sentiment_approval_oldest_seconds", oldest)
    yield from _sample("sentiment_labels_waiting", label_counts.audit_waiting(connection))
    yield from _sample("sentiment_labels_day", label_counts.audit_labelled(connection, now - _DAY))
    unresolved = Counter(str(alert.severity) for alert in alerts.list_alerts(connection))
    for severity in ("info", "warning", "critical"):
        yield from _sample("sentiment_alerts_open", unresolved[severity], severity=severity)


def _backups(connection: Connection, _: Settings, now: datetime) -> Iterator[Sample]:
    for newest in backups.newest(connection):
        yield from _sample("sentiment_backup_age_seconds", _age(newest.as_of, now))
        yield from _sample("sentiment_backup_bytes", newest.size_bytes)
    drilled = backups.last_drilled(connection)
    if drilled is not None and drilled.drilled_at is not None:
        yield from _sample("sentiment_restore_drill_success", drilled.drill_problem is None)
        yield from _sample("sentiment_restore_drill_age_seconds", _age(drilled.drilled_at, now))
        yield from _sample("sentiment_restore_drill_seconds", drilled.drill_seconds)


def _budgets(connection: Connection, settings: Settings, now: datetime) -> Iterator[Sample]:
    for one in budgets.of_month(connection, settings.policy.budget, now):
        name = one.name.replace(" ", "_").lower()
        yield from _sample("sentiment_budget_used", one.used, budget=name)
        yield from _sample("sentiment_budget_cap", one.cap, budget=name)
        yield from _sample("sentiment_budget_sampled_share", one.share, budget=name)
        if one.forecast is not None:
            for bound in ("value", "low", "high"):
                yield from _sample("sentiment_budget_forecast", getattr(one.forecast, bound), budget=name, bound=bound)


def _tables(connection: Connection, _: Settings, __: datetime) -> Iterator[Sample]:
    for table, size in retention.table_bytes(connection).items():
        yield from _sample("sentiment_table_bytes", size, table=table)


def _folders(connection: Connection, _: Settings, __: datetime) -> Iterator[Sample]:
    """Recorded sizes: to measure them is to visit every file."""
    measured = retention.newest_sizes(connection)
    for name, size in measured[1].items() if measured else ():
        if name.endswith("/"):
            yield from _sample("sentiment_folder_bytes", size, folder=name.removesuffix("/"))


Reader = Callable[[Connection, Settings, datetime], Iterator[Sample]]
READERS: tuple[Reader, ...] = (_stages, _quality, _drift, _people, _backups, _budgets, _tables, _folders)
