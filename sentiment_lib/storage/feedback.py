"""Feedback: people's labels for predictions of the API, and bursts of wrong predictions in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from sentiment_lib.errors import BadInput
from sentiment_lib.records import LABELS
from sentiment_lib.storage import tombstones

STORE = text(
    """
    INSERT INTO feedback (tweet_id, model_version, label, given_by, given_at)
    SELECT p.tweet_id, p.model_version, line.label, line.given_by, line.at
    FROM jsonb_to_recordset(CAST(:lines AS jsonb))
         AS line(tweet_id bigint, version bigint, label text, given_by text, at timestamptz)
    JOIN predictions p ON p.tweet_id = line.tweet_id AND p.model_version = line.version
    ON CONFLICT (tweet_id, model_version, given_by) DO UPDATE SET label = excluded.label, given_at = excluded.given_at
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
# the newest prediction, of a version that serves or served before one that did not
CORRECT = text(
    """
    INSERT INTO feedback (tweet_id, model_version, label, given_by, given_at)
    SELECT p.tweet_id, p.model_version, :label, :given_by, now() FROM predictions p WHERE p.tweet_id = :tweet
    ORDER BY EXISTS (SELECT FROM deployments d WHERE d.to_version = p.model_version AND d.state = 'done') DESC,
             p.predicted_at DESC, p.model_version DESC LIMIT 1
    ON CONFLICT (tweet_id, model_version, given_by) DO UPDATE SET label = excluded.label, given_at = excluded.given_at
    """
)
_LACKS_LABEL = """
    f.given_at > now() - CAST(:within AS interval)
    AND NOT EXISTS (SELECT FROM labels l WHERE l.tweet_id = f.tweet_id AND l.source = 'feedback'
                    AND l.labelled_by = f.given_by AND l.label = f.label AND l.labelled_at >= f.given_at)
"""
LACKING_LABELS = text(f"SELECT DISTINCT f.tweet_id FROM feedback f WHERE {_LACKS_LABEL}")
# as STORE_LABELS, for feedback of roles that may not write labels
MISSING_LABELS = text(
    f"""
    INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at)
    SELECT DISTINCT ON (f.tweet_id, f.label, f.given_by) f.tweet_id, f.label, 'feedback', f.given_by, f.given_at
    FROM feedback f
    WHERE f.tweet_id = ANY(:ids) AND {_LACKS_LABEL}
    ORDER BY f.tweet_id, f.label, f.given_by, f.given_at DESC
    ON CONFLICT (tweet_id, source, labelled_by, label) DO UPDATE SET labelled_at = excluded.labelled_at
    WHERE labels.labelled_at < excluded.labelled_at
    """
)
#: Age up to which feedback without its label gets one: it takes minutes.
RECENT = timedelta(days=30)
# a window function instead of a count over the last span, so that a late check still finds a burst that has ended
BURSTS = text(
    """
    WITH wrong AS (
        SELECT DISTINCT ON (p.tweet_id) f.given_at, t.airline, t.tweet_id, p.label AS predicted_label,
               f.label AS true_label, p.model_version, left(t.text, 140) AS excerpt
        FROM feedback f JOIN predictions p USING (tweet_id, model_version) JOIN tweets t ON t.tweet_id = p.tweet_id
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


def correct(connection: Connection, tweet_id: int, label: str, *, by: str) -> None:
    """Store a person's label of a tweet as feedback on its newest prediction; the person's newest one counts.

    Its label follows by `store_missing_labels`. Raises BadInput for another label or a tweet without a prediction.
    """
    if label not in LABELS:
        raise BadInput(what="label", problem=f"'{label[:20]}' is none of {', '.join(LABELS)}")
    if not connection.execute(CORRECT, {"tweet": tweet_id, "label": label, "given_by": by}).rowcount:
        raise BadInput(what=f"tweet {tweet_id}", problem="no version has scored it: there is nothing to correct")


def store_missing_labels(connection: Connection) -> int:
    """Store a label for recent feedback that has none, but of forgotten tweets; returns how many.

    Raises TombstoneKeyMissing without the key of the tombstones that are stored.
    """
    lacking = set(connection.execute(LACKING_LABELS, {"within": RECENT}).scalars())
    ids = sorted(lacking - tombstones.refused(connection, lacking).tweets) if lacking else []
    return int(connection.execute(MISSING_LABELS, {"within": RECENT, "ids": ids}).rowcount) if ids else 0


def wrong_prediction_bursts(connection: Connection, now: datetime, *, within: timedelta, least: int) -> Sequence[Burst]:
    """Groups (each airline, and all together) with at least `least` wrong predictions within the span `within`.

    Looks back two spans from `now`, so that a late check misses no burst.
    """
    rows = connection.execute(BURSTS, {"now": now, "span": within, "before": least - 1})
    return [Burst(airline=row.airline, wrong=row.wrong, examples=tuple(row.examples)) for row in rows]
