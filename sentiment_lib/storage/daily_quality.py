"""Daily quality of each version, estimated and measured; written by drift checks, read by the pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Row, text

from sentiment_lib.records import API_IDS_FROM, Window
from sentiment_lib.storage import training_rows, tweet_removal
from sentiment_lib.storage.acting_labels import ACTS, ACTS_SINCE, NEWEST_FIRST, is_newest
from sentiment_lib.storage.quality_day import QualityDay
from sentiment_lib.storage.tweet_lookup import tweet_of

#: Maximum age of a day that late labels update.
LOOK_BACK = timedelta(days=90)
#: `stored_at` is the start of the label's transaction: allow for transactions open during the last check.
OVERLAP = timedelta(minutes=10)

PROBABILITIES = ("p_negative", "p_neutral", "p_positive")


@dataclass(frozen=True, kw_only=True)
class ChampionChange:
    """A completed move of the champion alias."""

    at: datetime
    kind: str
    model_version: int


_NAMES = tuple(field.name for field in fields(QualityDay))
_VALUES = _NAMES[2:]


def series(connection: Connection, since: date) -> list[QualityDay]:
    """Every version's days from `since` on, by day and version."""
    rows = connection.execute(
        text(f"SELECT {', '.join(_NAMES)} FROM quality_days WHERE day >= :since ORDER BY day, model_version"),
        {"since": since},
    )
    return [QualityDay(**row) for row in rows.mappings()]


def newest(connection: Connection, version: int) -> QualityDay | None:
    """The version's newest day; None before the first."""
    row = (
        connection.execute(
            text(
                f"SELECT {', '.join(_NAMES)} FROM quality_days WHERE model_version = :version ORDER BY day DESC LIMIT 1"
            ),
            {"version": version},
        )
        .mappings()
        .one_or_none()
    )
    return QualityDay(**row) if row else None


def newest_calibrated(connection: Connection, version: int, limit: int) -> list[QualityDay]:
    """The version's newest days with a calibration error, newest first."""
    rows = connection.execute(
        text(
            f"SELECT {', '.join(_NAMES)} FROM quality_days WHERE model_version = :version "
            "AND calibration_error IS NOT NULL ORDER BY day DESC LIMIT :limit"
        ),
        {"version": version, "limit": limit},
    )
    return [QualityDay(**row) for row in rows.mappings()]


def champion_changes(connection: Connection, since: date) -> list[ChampionChange]:
    """Champion changes from `since` on, oldest first, preceded by the one in force at `since`."""
    rows = connection.execute(
        text(
            "SELECT finished_at, kind, to_version FROM deployments WHERE state = 'done' AND deployment_id >= coalesce("
            "(SELECT max(deployment_id) FROM deployments WHERE state = 'done' AND finished_at < :since), 0) "
            "ORDER BY deployment_id"
        ),
        {"since": since},
    )
    return [ChampionChange(at=row.finished_at, kind=row.kind, model_version=row.to_version) for row in rows]


def stale_days(connection: Connection, version: int, days: Iterable[date], *, latest: int) -> list[date]:
    """Days whose figures are missing or out of date for this version, newest first.

    The days of `days` without a row or with one of an earlier method, the last `latest` days (still incomplete), and
    every day with tweets that were labelled (by anyone: a second person's answer may let a label act), skipped or
    returned to the queue since the version's last computation.
    """
    wanted = sorted(days)
    computed_at = {
        row.day: row.computed_at
        for row in connection.execute(
            text(
                "SELECT day, computed_at FROM quality_days WHERE model_version = :version AND basis IS NOT NULL "
                "AND (calibration_basis IS NOT NULL OR calibration_error IS NULL)"
            ),
            {"version": version},
        )
    }
    stale = {day for day in wanted if day not in computed_at} | set(wanted[-latest:])
    if computed_at and wanted:
        relabelled = connection.execute(
            text(
                "SELECT DISTINCT (t.created_at AT TIME ZONE 'UTC')::date FROM ("
                "SELECT tweet_id FROM labels WHERE source IN ('audit', 'person') AND stored_at > :since UNION "
                "SELECT tweet_id FROM label_picks WHERE kind = 'audit' AND state = 'skipped' AND finished_at > :since "
                "OR kind = 'correction' AND handed_at > :since"
                f") changed JOIN {tweet_of('changed')} t USING (tweet_id)"
            ),
            {"since": max(computed_at.values()) - OVERLAP},
        ).scalars()
        stale |= {day for day in relabelled if wanted[-1] - LOOK_BACK <= day <= wanted[-1]}
    final = tweet_removal.last_incomplete_day(connection)
    return sorted((day for day in stale if day > final), reverse=True)


LABELLED = text(
    f"""
    SELECT DISTINCT ON (t.tweet_id) t.text, t.created_at, p.label AS predicted_label,
           p.p_negative, p.p_neutral, p.p_positive, l.label AS true_label,
           coalesce(l.inclusion_probability, a.inclusion_probability) AS inclusion
    FROM labels l JOIN tweets t ON t.tweet_id = l.tweet_id
    JOIN predictions p ON p.tweet_id = t.tweet_id AND p.model_version = :version
    LEFT JOIN audit_sample a ON a.tweet_id = p.tweet_id AND a.model_version = :version
    WHERE l.source = 'audit' AND {ACTS}
      AND t.created_at >= :start AND t.created_at < :end AND t.tweet_id < {API_IDS_FROM}
      AND coalesce(l.inclusion_probability, a.inclusion_probability) IS NOT NULL
      AND {training_rows.UNSEEN}
    ORDER BY t.tweet_id, {NEWEST_FIRST}
    """
)


# Tweets that were skipped, and those on which two people disagree, so that no label acts: both are hard ones
SKIPPED = text(
    f"""
    SELECT t.text, t.created_at, p.p_negative, p.p_neutral, p.p_positive,
           coalesce((SELECT max(l.inclusion_probability) FROM labels l WHERE l.tweet_id = t.tweet_id
                     AND l.source = 'audit'),
                    (SELECT max(k.inclusion_probability) FROM label_picks k WHERE k.tweet_id = t.tweet_id
                     AND k.kind = 'audit')) AS inclusion
    FROM tweets t JOIN predictions p ON p.tweet_id = t.tweet_id AND p.model_version = :version
    WHERE t.created_at >= :start AND t.created_at < :end AND t.tweet_id < {API_IDS_FROM}
      AND CASE WHEN EXISTS (SELECT FROM labels l WHERE l.tweet_id = t.tweet_id AND l.source = 'audit')
          THEN NOT EXISTS (SELECT FROM labels l WHERE l.tweet_id = t.tweet_id AND l.source = 'audit' AND {ACTS})
               AND (SELECT count(DISTINCT l.label) > 1 FROM labels l WHERE l.tweet_id = t.tweet_id
                    AND l.source IN ('audit', 'person') AND {is_newest("l")})
          ELSE EXISTS (SELECT FROM label_picks k
                       WHERE k.tweet_id = t.tweet_id AND k.kind = 'audit' AND k.state = 'skipped') END
      AND {training_rows.UNSEEN}
    ORDER BY t.tweet_id
    """
)


# from the labels to their predictions, one by one (OFFSET 0 keeps this order): the cost depends on the number of labels
# since then and not on that of predictions. A tweet is labelled after it was collected
AUDITED = text(
    f"""
    SELECT t.text, p.label AS predicted_label, l.label AS true_label, a.inclusion_probability AS inclusion
    FROM (SELECT DISTINCT tweet_id FROM labels WHERE source = 'audit' AND stored_at >= :since) labelled
    JOIN LATERAL (SELECT tweet_id, label, predicted_at FROM predictions
                  WHERE tweet_id = labelled.tweet_id AND model_version = :version OFFSET 0) p ON true
    JOIN LATERAL (SELECT inclusion_probability FROM audit_sample
                  WHERE tweet_id = p.tweet_id AND model_version = :version OFFSET 0) a ON true
    JOIN {tweet_of("p")} t ON true
    JOIN LATERAL (SELECT label, {ACTS_SINCE} AS acts_since FROM labels l
                  WHERE l.tweet_id = p.tweet_id AND l.source = 'audit' AND {ACTS}
                  ORDER BY {NEWEST_FIRST} LIMIT 1) l ON true
    WHERE p.predicted_at >= :since AND t.collected_at >= :since AND {training_rows.UNSEEN}
    ORDER BY l.acts_since, hashint8extended(t.tweet_id, 0), t.tweet_id
    """
)


def labelled_rows(connection: Connection, window: Window, version: int, *, auditors: Sequence[str]) -> pd.DataFrame:
    """Acting audit labels of the window's tweets that the version did not learn from, with its predictions.

    Columns text, created_at, predicted_label, p_*, true_label, inclusion (inclusion probability).
    """
    where = _unseen_in(connection, window, version, auditors)
    columns = ["text", "created_at", "predicted_label", *PROBABILITIES, "true_label", "inclusion"]
    return pd.DataFrame(connection.execute(LABELLED, where).all(), columns=columns)


def skipped_rows(connection: Connection, window: Window, version: int, *, auditors: Sequence[str]) -> pd.DataFrame:
    """Tweets of the audit sample that people skipped or disagree on, without an acting label.

    Columns text, created_at, p_* and inclusion (inclusion probability, NaN where it is unknown).
    """
    where = _unseen_in(connection, window, version, auditors)
    frame = pd.DataFrame(
        connection.execute(SKIPPED, where).all(), columns=["text", "created_at", *PROBABILITIES, "inclusion"]
    )
    return frame.astype({"inclusion": float})


def _unseen_in(connection: Connection, window: Window, version: int, auditors: Sequence[str]) -> dict[str, Any]:
    """Parameters of LABELLED and SKIPPED."""
    return {
        "version": version,
        "start": window.start,
        "end": window.end,
        "learned": training_rows.learned_snapshots(connection, [version]),
        "auditors": list(auditors),
    }


def audited(
    connection: Connection, version: int, since: datetime, auditors: Sequence[str]
) -> Sequence[Row[tuple[str, str, str, float]]]:
    """Acting audit labels of tweets collected since then, in the order in which they began to act.

    Columns text, predicted_label (the version's), true_label (the newest) and inclusion (inclusion probability).
    """
    learned = training_rows.learned_snapshots(connection, [version])
    where = {"version": version, "since": since, "learned": learned, "auditors": list(auditors)}
    return connection.execute(AUDITED, where).all()


def upsert_day(connection: Connection, row: QualityDay) -> None:
    """Insert or replace the figures of a day and version."""
    connection.execute(
        text(
            f"INSERT INTO quality_days ({', '.join(_NAMES)}) VALUES ({', '.join(f':{name}' for name in _NAMES)}) "
            f"ON CONFLICT (day, model_version) DO UPDATE SET computed_at = now(), "
            f"{', '.join(f'{name} = EXCLUDED.{name}' for name in _VALUES)}"
        ),
        asdict(row),
    )
