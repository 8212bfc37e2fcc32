"""A burst of wrong predictions, by airline and overall: people corrected the champion several times within minutes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, text

from sentiment_lib.alerts.operational_rules import Finding
from sentiment_lib.policy import AlertPolicy

KIND = "wrong_predictions"
OVERALL = "all airlines"

# the n-th wrong tweet within the span, wherever in the recent past the span lies: a late look does not miss it
BURST = text(
    """
    WITH wrong AS (
        SELECT DISTINCT ON (p.tweet_id) f.given_at, t.airline, t.tweet_id, p.label AS predicted, f.label AS right_label,
               p.model_version, left(t.text, 140) AS excerpt
        FROM feedback f JOIN predictions p USING (prediction_id) JOIN tweets t ON t.tweet_id = p.tweet_id
        WHERE f.label <> p.label AND f.given_at > CAST(:now AS timestamptz) - 2 * CAST(:span AS interval)
          AND f.given_at <= :now
        ORDER BY p.tweet_id, f.given_at),
    grouped AS (
        SELECT :overall AS who, wrong.* FROM wrong
        UNION ALL SELECT airline, wrong.* FROM wrong WHERE airline IS NOT NULL),
    counted AS (
        SELECT *, given_at - lag(given_at, :before) OVER (PARTITION BY who ORDER BY given_at, tweet_id) AS took
        FROM grouped)
    SELECT who, count(*) AS wrong, bool_or(took <= :span) AS burst,
           (array_agg('tweet ' || tweet_id || ' (version ' || model_version || ' said ' || predicted || ', it is '
                      || right_label || '): ' || excerpt ORDER BY given_at DESC))[1:5] AS examples
    FROM counted GROUP BY who HAVING bool_or(took <= :span) ORDER BY who
    """
)


def findings(connection: Connection, policy: AlertPolicy, now: datetime) -> Iterator[Finding]:
    """One finding for each airline, and one overall, with a burst that ended within the last span."""
    values = {
        "now": now,
        "span": policy.wrong_within,
        "before": policy.wrong_predictions - 1,
        "overall": OVERALL,
    }
    for row in connection.execute(BURST, values):
        yield Finding(
            kind=KIND,
            severity="critical",
            dedup_key=f"{KIND}/{row.who}",
            title=f"{row.wrong} wrong predictions in minutes: {row.who}",
            body="\n".join(row.examples),
        )
