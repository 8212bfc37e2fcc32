"""What the spool's lines become in Postgres: tweets, predictions, feedback and labels, each once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, text

from sentiment_lib.storage.engine import Store

SOURCE = "api"
#: In a batch that holds such a line, and in no other: quotes within a text are escaped.
_PREDICTION, _FEEDBACK = (f'"kind":"{kind}"'.encode() for kind in ("prediction", "feedback"))


def store_batches(store: Store, batches: Sequence[bytes]) -> None:
    """Store predictions, then feedback, in one transaction; each batch is a JSON list of lines.

    Seeing the same batches twice changes nothing.
    """
    predictions = [batch for batch in batches if _PREDICTION in batch]
    feedback = [line for batch in batches if _FEEDBACK in batch for line in orjson.loads(batch)]
    with store.begin() as connection:
        if predictions:
            _store_predictions(connection, predictions)
        if feedback:
            _store_feedback(connection, [line for line in feedback if line["kind"] == "feedback"])


def _store_predictions(connection: Connection, batches: Sequence[bytes]) -> None:
    ingest_id = connection.execute(
        text("INSERT INTO ingests (source) VALUES (:source) RETURNING ingest_id"), {"source": SOURCE}
    ).scalar_one()
    # the database reads what the spool wrote: under load, reading it here would keep requests waiting
    connection.execute(
        text(
            """
            WITH line AS MATERIALIZED (
                SELECT * FROM jsonb_to_recordset(CAST(:lines AS jsonb))
                     AS line(kind text, tweet_id bigint, version bigint, text text, language text, airline text,
                             label text, p_negative real, p_neutral real, p_positive real, at timestamptz)
                WHERE kind = 'prediction'
            ), tweet AS (
                INSERT INTO tweets (tweet_id, text, language, airline, created_at, ingest_id)
                SELECT tweet_id, text, language, airline, at, :ingest FROM line
                ON CONFLICT DO NOTHING RETURNING tweet_id
            ), prediction AS (
                INSERT INTO predictions
                    (tweet_id, model_version, label, p_negative, p_neutral, p_positive, predicted_at)
                SELECT tweet_id, version, label, p_negative, p_neutral, p_positive, at FROM line
                ON CONFLICT (tweet_id, model_version) DO NOTHING
            )
            UPDATE ingests SET finished_at = now(), received = come.received, stored = come.stored,
                               duplicate = come.received - come.stored
            FROM (SELECT (SELECT count(*) FROM line) AS received, (SELECT count(*) FROM tweet) AS stored) AS come
            WHERE ingest_id = :ingest
            """
        ),
        {"lines": f"[{b','.join(batch[1:-1] for batch in batches).decode()}]", "ingest": ingest_id},
    )


def _store_feedback(connection: Connection, lines: list[dict[str, Any]]) -> None:
    """The last answer of one person to one prediction stands; each answer is also a label with its source."""
    newest = {(line["tweet_id"], line["version"], line["given_by"]): line for line in lines}
    connection.execute(
        text(
            """
            INSERT INTO feedback (prediction_id, label, given_by, given_at)
            SELECT p.prediction_id, line.label, line.given_by, line.at
            FROM jsonb_to_recordset(CAST(:lines AS jsonb))
                 AS line(tweet_id bigint, version bigint, label text, given_by text, at timestamptz)
            JOIN predictions p ON p.tweet_id = line.tweet_id AND p.model_version = line.version
            ON CONFLICT (prediction_id, given_by) DO UPDATE SET label = excluded.label, given_at = excluded.given_at
            WHERE feedback.given_at <= excluded.given_at
            """
        ),
        {"lines": orjson.dumps(list(newest.values())).decode()},
    )
    connection.execute(
        text(
            """
            INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at)
            SELECT line.tweet_id, line.label, 'feedback', line.given_by, line.at
            FROM jsonb_to_recordset(CAST(:lines AS jsonb))
                 AS line(tweet_id bigint, label text, given_by text, at timestamptz)
            JOIN tweets t ON t.tweet_id = line.tweet_id
            ON CONFLICT (tweet_id, source, labelled_by, label) DO NOTHING
            """
        ),
        {"lines": orjson.dumps(list(newest.values())).decode()},
    )
