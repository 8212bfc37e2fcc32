"""Predicted classes and errors of audit labels by day, airline and version: what the overview adds up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text

from sentiment_lib.records import API_IDS_FROM
from sentiment_lib.storage import training_rows, tweet_removal
from sentiment_lib.storage.acting_labels import ACTS, EVALUATING_FIRST, MAY_EVALUATE, NEWEST_FIRST
from sentiment_lib.storage.engine import raw
from sentiment_lib.storage.tweet_lookup import tweet_of
from sentiment_lib.text.copies import cluster_copies

#: `predicted_at` and `stored_at` are starts of transactions: allow for those open during the last refresh.
OVERLAP = timedelta(minutes=10)
#: Airline of tweets without one.
NO_AIRLINE = ""
DAY = "(t.created_at AT TIME ZONE 'UTC')::date"


@dataclass(frozen=True, kw_only=True)
class SentimentDay:
    """One day's tweets of one airline as one version predicts them, with the weighted errors of its audit labels
    and what labels of any source say.

    The error of a label is 1 for a missed negative tweet, -1 for one predicted negative that is none, else 0; its
    weight is 1 / inclusion probability, and weights of copies of a text are added up before they are squared.
    """

    day: date
    airline: str
    tweets: int
    negative: int
    neutral: int
    positive: int
    labels: int
    weights: float
    squared_weights: float
    errors: float
    squared_errors: float
    #: sum over the texts of their squared numbers of tweets
    squared_copies: float
    #: tweets with a label that may evaluate a model, of whatever source
    labelled: int
    #: of these: labelled negative
    labelled_negative: int
    #: labelled negative, and predicted otherwise
    missed_negative: int
    #: predicted negative, and labelled otherwise
    wrongly_negative: int


COLUMNS = (
    "airline, tweets, negative, neutral, positive, labels, weights, squared_weights, errors, squared_errors, "
    "squared_copies, labelled, labelled_negative, missed_negative, wrongly_negative"
)
# days of tweets whose predictions or labels came, or were withdrawn, since the last refresh
STALE = text(
    f"""
    SELECT DISTINCT {DAY} FROM (
        SELECT tweet_id FROM predictions
        WHERE model_version = :version AND predicted_at > CAST(:since AS timestamptz) AND tweet_id < {API_IDS_FROM}
        UNION
        SELECT tweet_id FROM labels
        WHERE source <> 'feedback' AND stored_at > CAST(:since AS timestamptz) AND tweet_id < {API_IDS_FROM}
        UNION
        SELECT tweet_id FROM label_picks
        WHERE kind = 'correction' AND handed_at > CAST(:since AS timestamptz) AND tweet_id < {API_IDS_FROM}
    ) changed JOIN {tweet_of("changed")} t USING (tweet_id)
    """
)
#: Tweets of one day and airline whose texts are copies, with the one that stands for their cluster.
COPIED = "CREATE TEMP TABLE IF NOT EXISTS copied_texts (tweet_id bigint, first_id bigint) ON COMMIT DELETE ROWS"
TEXTS = text(
    f"""
    SELECT t.tweet_id, t.text, coalesce(t.airline, '{NO_AIRLINE}') AS airline
    FROM tweets t JOIN predictions p ON p.tweet_id = t.tweet_id AND p.model_version = :version
    WHERE t.created_at >= :start AND t.created_at < :end AND t.tweet_id < {API_IDS_FROM}
    ORDER BY t.tweet_id
    """
)
REFRESH = text(
    f"""
    WITH scored AS (
        SELECT {DAY} AS day, coalesce(t.airline, '{NO_AIRLINE}') AS airline, t.tweet_id, p.label,
               coalesce(c.first_id, t.tweet_id) AS text_key
        FROM tweets t JOIN predictions p ON p.tweet_id = t.tweet_id AND p.model_version = :version
        LEFT JOIN copied_texts c ON c.tweet_id = t.tweet_id
        WHERE t.created_at >= :start AND t.created_at < :end AND t.tweet_id < {API_IDS_FROM}),
    labelled AS (
        SELECT DISTINCT ON (t.tweet_id) t.day, t.airline, t.text_key,
               (l.label = 'negative')::int - (t.label = 'negative')::int AS error,
               1 / coalesce(l.inclusion_probability, a.inclusion_probability) AS weight
        FROM scored t JOIN labels l ON l.tweet_id = t.tweet_id AND l.source = 'audit'
        LEFT JOIN audit_sample a ON a.tweet_id = t.tweet_id AND a.model_version = :version
        WHERE {ACTS} AND coalesce(l.inclusion_probability, a.inclusion_probability) IS NOT NULL
          AND {training_rows.UNSEEN}
        ORDER BY t.tweet_id, {NEWEST_FIRST}),
    errors AS (
        SELECT day, airline, sum(labels) AS labels, sum(weights) AS weights, sum(weights ^ 2) AS squared_weights,
               sum(errors) AS errors, sum(squared_errors) AS squared_errors
        FROM (SELECT day, airline, count(*) AS labels, sum(weight) AS weights, sum(weight * error) AS errors,
                     sum(weight * error ^ 2) AS squared_errors
              FROM labelled GROUP BY day, airline, text_key) texts
        GROUP BY day, airline),
    with_labels AS (
        SELECT day, airline, count(*) AS labelled, count(*) FILTER (WHERE true_negative) AS labelled_negative,
               count(*) FILTER (WHERE true_negative AND NOT negative) AS missed_negative,
               count(*) FILTER (WHERE negative AND NOT true_negative) AS wrongly_negative
        FROM (SELECT DISTINCT ON (t.tweet_id) t.day, t.airline, l.label = 'negative' AS true_negative,
                     t.label = 'negative' AS negative
              FROM scored t JOIN labels l USING (tweet_id)
              WHERE {MAY_EVALUATE} ORDER BY t.tweet_id, {EVALUATING_FIRST}) one
        GROUP BY day, airline),
    copies AS (
        SELECT day, airline, sum(tweets ^ 2) AS squared_copies
        FROM (SELECT day, airline, count(*) AS tweets FROM scored GROUP BY day, airline, text_key) texts
        GROUP BY day, airline)
    INSERT INTO sentiment_days (day, model_version, {COLUMNS})
    SELECT s.day, :version, s.airline, count(*), count(*) FILTER (WHERE s.label = 'negative'),
           count(*) FILTER (WHERE s.label = 'neutral'), count(*) FILTER (WHERE s.label = 'positive'),
           coalesce(max(e.labels), 0), coalesce(max(e.weights), 0), coalesce(max(e.squared_weights), 0),
           coalesce(max(e.errors), 0), coalesce(max(e.squared_errors), 0), max(c.squared_copies),
           coalesce(max(k.labelled), 0), coalesce(max(k.labelled_negative), 0), coalesce(max(k.missed_negative), 0),
           coalesce(max(k.wrongly_negative), 0)
    FROM scored s JOIN copies c ON c.day = s.day AND c.airline = s.airline
    LEFT JOIN errors e ON e.day = s.day AND e.airline = s.airline
    LEFT JOIN with_labels k ON k.day = s.day AND k.airline = s.airline
    GROUP BY s.day, s.airline
    ON CONFLICT (model_version, day, airline) DO UPDATE SET
        ({COLUMNS}, computed_at) = ({", ".join(f"EXCLUDED.{name}" for name in COLUMNS.split(", "))}, now())
    """
)


def stale_days(connection: Connection, version: int) -> list[date]:
    """Days with predictions of the version or labels since its last refresh, oldest first.

    Without those of which tweets were removed: their figures are final.
    """
    last: datetime | None = connection.execute(
        text("SELECT max(computed_at) FROM sentiment_days WHERE model_version = :version"), {"version": version}
    ).scalar()
    since = "-infinity" if last is None else last - OVERLAP
    days = connection.execute(STALE, {"version": version, "since": since}).scalars()
    final = tweet_removal.last_incomplete_day(connection)
    return sorted(day for day in days if day > final)


def refresh(connection: Connection, version: int, first: date, last: date, *, auditors: Sequence[str]) -> None:
    """Recompute the version's rows of the days (UTC) from `first` to `last`; labels correct them.

    Copies of a text within a day and airline are one cluster (`text.copies`).
    """
    connection.exec_driver_sql(COPIED)
    connection.exec_driver_sql("TRUNCATE copied_texts")
    for days in range((last - first).days + 1):
        _store_copies(connection, version, first + timedelta(days=days))
    connection.execute(
        REFRESH,
        {
            "version": version,
            **_bounds(first, last),
            "learned": training_rows.learned_snapshots(connection, [version]),
            "auditors": list(auditors),
        },
    )


def _store_copies(connection: Connection, version: int, day: date) -> None:
    found = connection.execute(TEXTS, {"version": version, **_bounds(day, day)}).all()
    by_airline: dict[str, list[int]] = {}
    for index, row in enumerate(found):
        by_airline.setdefault(row.airline, []).append(index)
    with raw(connection).cursor().copy("COPY copied_texts (tweet_id, first_id) FROM STDIN") as copy:
        for indexes in by_airline.values():
            for index, cluster in zip(indexes, cluster_copies([found[index].text for index in indexes]), strict=True):
                original = found[indexes[cluster]].tweet_id
                if found[index].tweet_id != original:
                    copy.write_row((found[index].tweet_id, original))


def _bounds(first: date, last: date) -> dict[str, str]:
    return {"start": f"{first} 00:00+00", "end": f"{last + timedelta(days=1)} 00:00+00"}


def series(connection: Connection, version: int, first: date, last: date) -> list[SentimentDay]:
    """The version's rows of these days, by day and airline."""
    rows = connection.execute(
        text(
            f"SELECT day, {COLUMNS} FROM sentiment_days "
            "WHERE model_version = :version AND day BETWEEN :first AND :last ORDER BY day, airline"
        ),
        {"version": version, "first": first, "last": last},
    )
    return [SentimentDay(**row) for row in rows.mappings()]


def tweets_by_day(connection: Connection, version: int, first: date, last: date) -> dict[date, int]:
    """Tweets that the version predicted, by the day (UTC) of their creation; days without any are left out."""
    rows = connection.execute(
        text(
            "SELECT day, sum(tweets) FROM sentiment_days "
            "WHERE model_version = :version AND day BETWEEN :first AND :last GROUP BY day ORDER BY day"
        ),
        {"version": version, "first": first, "last": last},
    )
    return {day: int(count) for day, count in rows}


def span(connection: Connection, version: int) -> tuple[date, date] | None:
    """First and last day with predictions of the version; None without one."""
    first, last = connection.execute(
        text("SELECT min(day), max(day) FROM sentiment_days WHERE model_version = :version"), {"version": version}
    ).one()
    return (first, last) if first else None


def airlines(connection: Connection, version: int) -> list[str]:
    """Airlines with predictions of the version, by name; NO_AIRLINE among them where tweets name none."""
    query = text("SELECT DISTINCT airline FROM sentiment_days WHERE model_version = :version ORDER BY airline")
    return list(connection.execute(query, {"version": version}).scalars())


def newest_versions(connection: Connection) -> Sequence[int]:
    """Versions with rows that have been champion, the latest champion first."""
    return (
        connection.execute(
            text(
                "SELECT to_version FROM deployments d WHERE state = 'done' AND EXISTS "
                "(SELECT FROM sentiment_days s WHERE s.model_version = d.to_version) "
                "GROUP BY to_version ORDER BY max(deployment_id) DESC"
            )
        )
        .scalars()
        .all()
    )
