"""Feedback: people's labels for predictions of the API, and bursts of wrong predictions in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

STORE = text(
    """
    INSERT INTO feedback (prediction_id, label, given_by, given_at)
    SELECT p.prediction_id, line.label, line.given_by, line.at
    FROM jsonb_to_recordset(CAST(:lines AS jsonb))
         AS line(tweet_id bigint, version bigint, label text, given_by text, at timestamptz)
    JOIN predictions p ON p.tweet_id = line.tweet_id AND p.model_version = line.version
    ON CONFLICT (prediction_id, given_by) DO UPDATE SET label = excluded.label, given_at = excluded.given_at
    WHERE feedback.given_at <= excluded.given_at
    """
)
# labels of one person are kept side by side and the newest counts: repeating a label makes it the newest again
STORE_LABELS = text(
    """
    INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at)
    SELECT DISTINCT ON (line.tweet_id, line.label, line.given_by)
           line.tweet_id, line.label, 'feedback', line.given_by, line.at
    FROM jsonb_to_recordset(CAST(:lines AS jsonb))
         AS line(tweet_id bigint, label text, given_by text, at timestamptz)
    JOIN tweets t ON t.tweet_id = line.tweet_id
    ORDER BY line.tweet_id, line.label, line.given_by, line.at DESC
    ON CONFLICT (tweet_id, source, labelled_by, label) DO UPDATE SET labelled_at = excluded.labelled_at
    WHERE labels.labelled_at < excluded.labelled_at
    """
)
# a window function instead of a count over the last span, so that a late check still finds a burst that has ended
BURSTS = text(
    """
    WITH wrong AS (
        SELECT DISTINCT ON (p.tweet_id) f.given_at, t.airline, t.tweet_id, p.label AS predicted_label,
               f.label AS true_label, p.model_version, left(t.text, 140) AS excerpt
        FROM feedback f JOIN predictions p USING (prediction_id) JOIN tweets t ON t.tweet_id = p.tweet_id
        WHERE f.label <> p.label AND f.given_at > CAST(:now AS timestamptz) - 2 * CAST(:span AS interval)
          AND f.given_at <= :now
        ORDER BY p.tweet_id, f.given_at),
    grouped AS (
        SELECT NULL AS airline_group, wrong.* FROM wrong
        UNION ALL SELECT airline, wrong.* FROM wrong WHERE airline IS NOT NULL),
    timed AS (
        SELECT *, given_at - lag(given_at, :before) OVER (PARTITION BY airline_group ORDER BY given_at, tweet_id)
                  AS duration
        FROM grouped)
    SELECT airline_group AS airline, count(*) AS wrong,
           (array_agg('tweet ' || tweet_id || ' (version ' || model_version || ' said ' || predicted_label
                      || ', it is ' || true_label || '): ' || excerpt ORDER BY given_at DESC))[1:5] AS examples
    FROM timed GROUP BY airline_group HAVING bool_or(duration <= :span) ORDER BY airline_group NULLS FIRST
    """
)


@dataclass(frozen=True, kw_only=True)
class Burst:
    """Wrong predictions in quick succession."""

    #: None: over all airlines
    airline: str | None
    wrong: int
    #: the newest five, one sentence each
    examples: tuple[str, ...]


def store_feedback(connection: Connection, lines: str) -> None:
    """Store a JSON list of feedback lines (tweet_id, version, label, given_by, at), and each as a label.

    A person's newest feedback for a prediction counts, in whatever order it arrives. Each prediction and person may
    occur once in `lines`. Feedback for unknown predictions is dropped.
    """
    connection.execute(STORE, {"lines": lines})
    connection.execute(STORE_LABELS, {"lines": lines})


def wrong_prediction_bursts(connection: Connection, now: datetime, *, within: timedelta, least: int) -> Sequence[Burst]:
    """Groups (each airline, and all together) with at least `least` wrong predictions within the span `within`.

    Looks back two spans from `now`, so that a late check misses no burst.
    """
    rows = connection.execute(BURSTS, {"now": now, "span": within, "before": least - 1})
    return [Burst(airline=row.airline, wrong=row.wrong, examples=tuple(row.examples)) for row in rows]
