"""Reports of drift checks, and the windows of scored tweets that they compare."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, text

from sentiment_lib.errors import NotFound
from sentiment_lib.records import API_IDS_FROM, DriftReport, Window
from sentiment_lib.storage import training_rows
from sentiment_lib.storage.acting_labels import ACTS, NEWEST_FIRST
from sentiment_lib.text.copies import MIN_CHARACTERS

COLUMNS = (
    "tweet_id",
    "text",
    "airline",
    "language",
    "created_at",
    "predicted_label",
    "p_negative",
    "p_neutral",
    "p_positive",
    "true_label",
    "inclusion",
)

#: SQL expression: the same for copies; people say short texts alike on their own.
TEXT_KEY = (
    f"CASE WHEN length(text) < {MIN_CHARACTERS} THEN hashint8extended(tweet_id, :seed) "
    "ELSE hashtextextended(text, :seed) END"
)
#: Tweets of one text in a sample; more only when there are too few others.
MOST_COPIES = 20

# A seeded hash of the text samples texts uniformly and reproducibly, with their copies: a sample of tweets would thin
# the copies of a large window. Those beyond MOST_COPIES come last, or a flood would fill it. Sampling precedes the
# joins. Texts sent to the API are not part of the monitored stream. Feedback is left out because of its selection
# bias, and audit labels that do not act, so that no single key can cause or hide a loss of quality. A tweet labelled
# by a data set has inclusion probability 1, also when it is in the audit sample. Predictions for tweets of the
# training rows are left out: a model is more confident and more accurate on them.
WINDOW = text(
    f"""
    WITH drawn AS MATERIALIZED (
        SELECT * FROM (
            SELECT *, row_number() OVER (PARTITION BY key ORDER BY tweet_id) AS copy
            FROM (SELECT tweet_id, text, airline, language, created_at, {TEXT_KEY} AS key FROM tweets
                  WHERE created_at >= :start AND created_at < :end AND tweet_id < {API_IDS_FROM}) keyed) every
        ORDER BY copy > {MOST_COPIES}, key, copy LIMIT :rows)
    SELECT t.tweet_id, t.text, t.airline, t.language, t.created_at, p.label AS predicted_label,
           p.p_negative, p.p_neutral, p.p_positive, l.label AS true_label, l.inclusion
    FROM drawn t LEFT JOIN predictions p ON p.tweet_id = t.tweet_id AND p.model_version = :version
        AND {training_rows.UNSEEN}
    LEFT JOIN LATERAL (
        SELECT (array_agg(label ORDER BY source = 'audit' DESC, {NEWEST_FIRST}))[1] AS label,
               max(coalesce(inclusion_probability, 1)) AS inclusion
        FROM labels l WHERE l.tweet_id = t.tweet_id
          AND (l.source = 'dataset' OR (l.source = 'audit' AND {ACTS}))) l ON true
    ORDER BY t.copy > {MOST_COPIES}, t.key, t.tweet_id
    """
)
# scans the index on created_at backwards; it stops early, since the champion has scored recent tweets
NEWEST = text(
    f"""
    SELECT t.created_at FROM tweets t WHERE t.tweet_id < {API_IDS_FROM}
      AND EXISTS (SELECT FROM predictions p WHERE p.tweet_id = t.tweet_id AND p.model_version = :version)
    ORDER BY t.created_at DESC, t.tweet_id DESC LIMIT 1
    """
)


def newest_scored(connection: Connection, version: int) -> datetime | None:
    """Time of the newest collected tweet that this version scored; None without one."""
    moment: datetime | None = connection.execute(NEWEST, {"version": version}).scalar()
    return moment


def window_rows(
    connection: Connection, window: Window, version: int, *, rows: int, seed: int, auditors: Sequence[str]
) -> pd.DataFrame:
    """A random sample of at most `rows` tweets of the window, drawn by their texts, with the version's predictions.

    Tweets that it did not score, or was trained on (`training_rows`), have no predictions. Labels are those of data
    sets and the acting audit labels (`acting_labels`).
    """
    where = {
        "version": version,
        "learned": training_rows.learned_snapshots(connection, [version]),
        "start": window.start,
        "end": window.end,
        "seed": seed,
        "rows": rows,
        "auditors": list(auditors),
    }
    return pd.DataFrame(connection.execute(WINDOW, where).all(), columns=list(COLUMNS))


def consecutive_texts(connection: Connection, window: Window, rows: int) -> list[str]:
    """Texts of the first `rows` tweets of the window, without gaps, since copies follow each other closely."""
    query = text(
        f"SELECT text FROM tweets WHERE created_at >= :start AND created_at < :end AND tweet_id < {API_IDS_FROM} "
        "ORDER BY created_at, tweet_id LIMIT :rows"
    )
    where = {"start": window.start, "end": window.end, "rows": rows}
    return list(connection.execute(query, where).scalars())


def count_tweets(connection: Connection, window: Window, most: int) -> int:
    """Number of collected tweets of the window, counted up to `most`."""
    query = text(
        "SELECT count(*) FROM (SELECT FROM tweets WHERE created_at >= :start AND created_at < :end "
        f"AND tweet_id < {API_IDS_FROM} LIMIT :most) found"
    )
    where = {"start": window.start, "end": window.end, "most": most}
    count: int = connection.execute(query, where).scalar_one()
    return count


def wanting(connection: Connection, report_id: int, *, last: int) -> int:
    """How many of a version's `last` checks up to this report want a retrain, not counting checks of too few tweets."""
    count: int = connection.execute(
        text(
            "SELECT count(*) FILTER (WHERE wants_retrain) FROM ("
            "  SELECT r.wants_retrain FROM drift_reports r JOIN drift_reports this ON this.report_id = :report"
            "  WHERE r.model_version = this.model_version AND r.verdict <> 'too_few'"
            "    AND r.current_end <= this.current_end "
            "  ORDER BY r.current_end DESC, r.report_id DESC LIMIT :last) checks"
        ),
        {"report": report_id, "last": last},
    ).scalar_one()
    return count


def find_report(connection: Connection, version: int, reference: Window, current: Window) -> DriftReport | None:
    """The report of exactly these windows; None without one."""
    row = connection.execute(
        text(
            "SELECT report_id, verdict, signals, html_path, severity, wants_retrain, loss, continuous, details "
            "FROM drift_reports "
            "WHERE model_version = :version AND reference_start = :rs "
            "AND reference_end = :re AND current_start = :cs AND current_end = :ce"
        ),
        _keys(version, reference, current),
    ).one_or_none()
    if row is None:
        return None
    return DriftReport(
        report_id=row.report_id,
        verdict=row.verdict,
        reference=reference,
        current=current,
        signals=tuple(row.signals),
        html_path=row.html_path,
        severity=row.severity,
        wants_retrain=row.wants_retrain,
        loss=row.loss,
        continuous=row.continuous,
        details=row.details,
    )


def add_report(connection: Connection, version: int, report: DriftReport) -> int | None:
    """Id of the new report; None when another run has stored these windows already."""
    report_id: int | None = connection.execute(
        text(
            "INSERT INTO drift_reports (model_version, reference_start, reference_end, current_start, current_end, "
            "verdict, signals, severity, wants_retrain, loss, continuous, details, html_path) "
            "VALUES (:version, :rs, :re, :cs, :ce, :verdict, CAST(:signals AS jsonb), :severity, :wants_retrain, "
            ":loss, CAST(:continuous AS jsonb), CAST(:details AS jsonb), :html_path) "
            "ON CONFLICT DO NOTHING RETURNING report_id"
        ),
        _keys(version, report.reference, report.current)
        | {
            "verdict": report.verdict,
            "signals": json.dumps(list(report.signals), allow_nan=False),
            "severity": report.severity,
            "wants_retrain": report.wants_retrain,
            "loss": report.loss,
            "continuous": None if report.continuous is None else json.dumps(dict(report.continuous), allow_nan=False),
            "details": json.dumps(dict(report.details), allow_nan=False),
            "html_path": report.html_path,
        },
    ).scalar()
    return report_id


@dataclass(frozen=True, kw_only=True)
class ReportSummary:
    """A report without its signals."""

    report_id: int
    model_version: int
    verdict: str
    current_start: datetime
    current_end: datetime
    created_at: datetime
    html_path: str | None
    #: how many signals drifted
    drifted: int


def newest_reports(connection: Connection, limit: int, *, before: int | None = None) -> list[ReportSummary]:
    """Up to `limit` of the newest reports with ids below `before`, newest first."""
    rows = connection.execute(
        text(
            "SELECT report_id, model_version, verdict, current_start, current_end, created_at, html_path, "
            "(SELECT count(*) FROM jsonb_array_elements(signals) s WHERE (s ->> 'drifted')::boolean) AS drifted "
            "FROM drift_reports WHERE CAST(:before AS bigint) IS NULL OR report_id < :before "
            "ORDER BY report_id DESC LIMIT :limit"
        ),
        {"before": before, "limit": limit},
    )
    return [ReportSummary(**row) for row in rows.mappings()]


@dataclass(frozen=True, kw_only=True)
class StoredReport:
    """Every column of a report."""

    report_id: int
    model_version: int
    reference_start: datetime
    reference_end: datetime
    current_start: datetime
    current_end: datetime
    verdict: str
    signals: list[dict[str, Any]]
    severity: str | None
    wants_retrain: bool
    loss: float | None
    continuous: dict[str, Any] | None
    details: dict[str, Any]
    html_path: str | None
    created_at: datetime


DETAILS = (
    "details || coalesce((SELECT jsonb_build_object('hindsight', to_jsonb(o) - 'report_id' - 'decided_at') "
    "FROM drift_outcomes o WHERE o.report_id = r.report_id), '{}'::jsonb) AS details"
)


def full_report(connection: Connection, report_id: int) -> StoredReport:
    """The report with this id; `details["hindsight"]` is what later labels say. Raises NotFound for an unknown id."""
    columns = ", ".join(DETAILS if field.name == "details" else field.name for field in fields(StoredReport))
    query = text(f"SELECT {columns} FROM drift_reports r WHERE report_id = :report")
    row = connection.execute(query, {"report": report_id}).mappings().one_or_none()
    if row is None:
        raise NotFound(what="drift report", key=report_id)
    return StoredReport(**row)


def report_exists(connection: Connection, report_id: object) -> bool:
    """Whether a report has this id."""
    query = text("SELECT EXISTS (SELECT FROM drift_reports WHERE report_id = :report)")
    return bool(connection.execute(query, {"report": report_id}).scalar_one())


def _keys(version: int, reference: Window, current: Window) -> dict[str, Any]:
    return {
        "version": version,
        "rs": reference.start,
        "re": reference.end,
        "cs": current.start,
        "ce": current.end,
    }
