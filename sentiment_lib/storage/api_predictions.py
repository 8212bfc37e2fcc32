"""Predictions made by the API: each line of the spool becomes a tweet and its prediction, once."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, text

from sentiment_lib import clock
from sentiment_lib.storage import partitions

#: Source name of the API's ingests.
SOURCE = "api"

STORE = text(
    """
    WITH line AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:lines AS jsonb))
             AS line(kind text, tweet_id bigint, version bigint, text text, language text, airline text,
                     label text, p_negative real, p_neutral real, p_positive real, at timestamptz,
                     api_key_id bigint)
        WHERE kind = 'prediction'
    ), tweet AS (
        INSERT INTO tweets (tweet_id, text, language, airline, created_at, ingest_id)
        SELECT tweet_id, text, language, airline, at, :ingest FROM line
        ON CONFLICT DO NOTHING RETURNING tweet_id
    ), prediction AS (
        INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive, predicted_at,
                                 api_key_id)
        SELECT tweet_id, version, label, p_negative, p_neutral, p_positive, at, api_key_id FROM line
        ON CONFLICT (tweet_id, model_version) DO NOTHING
    )
    UPDATE ingests SET finished_at = now(), received = ingests.received + total.received,
                       stored = ingests.stored + total.stored,
                       duplicate = ingests.duplicate + total.received - total.stored
    FROM (SELECT (SELECT count(*) FROM line) AS received, (SELECT count(*) FROM tweet) AS stored) AS total
    WHERE ingest_id = :ingest
    """
)


def store_predictions(connection: Connection, lines: str) -> None:
    """Store the predictions of a JSON list of spool lines, with their tweets, in the ingest of this hour.

    Lines of other kinds are skipped, and lines that are stored already change nothing. Postgres parses the JSON:
    parsing it here would delay requests under load.
    """
    connection.execute(STORE, {"lines": lines, "ingest": _ingest_of_this_hour(connection)})


def count_forgotten(connection: Connection, lines: int) -> None:
    """Count predictions whose tweets were forgotten while the spool held them, in the ingest of this hour."""
    connection.execute(
        text(
            "UPDATE ingests SET received = received + :lines, forgotten = forgotten + :lines, finished_at = now() "
            "WHERE ingest_id = :ingest"
        ),
        {"lines": lines, "ingest": _ingest_of_this_hour(connection)},
    )


def _ingest_of_this_hour(connection: Connection) -> int:
    """One ingest for each hour, of all replicas: a row for each drained batch would outnumber the rest."""
    hour = """to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24')"""
    find = text(f"SELECT ingest_id FROM ingests WHERE source = '{SOURCE}' AND input_digest = {hour}")
    found: int | None = connection.execute(find).scalar()
    if found is not None:
        return found
    # once an hour, in case nobody has made partitions ahead
    partitions.add_missing(connection, clock.now() + timedelta(days=1), "month")
    # reading first leaves the row unlocked until its counts are added
    connection.execute(
        text(f"INSERT INTO ingests (source, input_digest) VALUES ('{SOURCE}', {hour}) ON CONFLICT DO NOTHING")
    )
    return int(connection.execute(find).scalar_one())


def any_stored(connection: Connection) -> bool:
    """Whether the API has ever stored a prediction."""
    return bool(connection.execute(text("SELECT EXISTS (SELECT FROM ingests WHERE source = 'api')")).scalar())
