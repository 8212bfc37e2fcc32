"""What the spool's lines become in Postgres: tweets, predictions, feedback and labels, each once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from sentiment_lib.storage.engine import Store

SOURCE = "api"


def store_lines(store: Store, lines: Sequence[dict[str, Any]]) -> None:
    """Store predictions, then feedback, in one transaction. Seeing the same lines twice changes nothing."""
    predictions = [line for line in lines if line["kind"] == "prediction"]
    feedback = [line for line in lines if line["kind"] == "feedback"]
    with store.begin() as connection:
        if predictions:
            _store_predictions(connection, predictions)
        if feedback:
            _store_feedback(connection, feedback)


def _store_predictions(connection: Connection, lines: list[dict[str, Any]]) -> None:
    written = _json(lines)
    ingest_id = connection.execute(
        text("INSERT INTO ingests (source) VALUES (:source) RETURNING ingest_id"), {"source": SOURCE}
    ).scalar_one()
    stored = connection.execute(
        text(
            """
            INSERT INTO tweets (tweet_id, text, language, airline, created_at, ingest_id)
            SELECT tweet_id, text, language, airline, at, :ingest
            FROM jsonb_to_recordset(CAST(:lines AS jsonb))
                 AS line(tweet_id bigint, text text, language text, airline text, at timestamptz)
            ON CONFLICT DO NOTHING
            """
        ),
        {"lines": written, "ingest": ingest_id},
    ).rowcount
    connection.execute(
        text(
            "UPDATE ingests SET finished_at = now(), received = :received, stored = :stored, "
            "duplicate = :received - :stored WHERE ingest_id = :ingest"
        ),
        {"received": len(lines), "stored": stored, "ingest": ingest_id},
    )
    connection.execute(
        text(
            """
            INSERT INTO predictions
                (tweet_id, model_version, label, p_negative, p_neutral, p_positive, predicted_at)
            SELECT tweet_id, version, label, p_negative, p_neutral, p_positive, at
            FROM jsonb_to_recordset(CAST(:lines AS jsonb))
                 AS line(tweet_id bigint, version bigint, label text, p_negative real, p_neutral real,
                         p_positive real, at timestamptz)
            ON CONFLICT (tweet_id, model_version) DO NOTHING
            """
        ),
        {"lines": written},
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
        {"lines": _json(list(newest.values()))},
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
        {"lines": _json(list(newest.values()))},
    )


def _json(lines: list[dict[str, Any]]) -> str:
    return json.dumps(lines)
