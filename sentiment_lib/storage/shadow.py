"""Shadow scoring: tweets that a version scores alongside the champion, and labels that compare the two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from sentiment_lib.records import API_IDS_FROM
from sentiment_lib.storage import training_rows
from sentiment_lib.storage.acting_labels import ACTS, ACTS_SINCE, NEWEST_FIRST, is_newest
from sentiment_lib.storage.tweet_lookup import tweet_of

#: Longer than a transaction that stores predictions, whose time is that of its beginning.
OVERLAP = timedelta(hours=1)
# uses the index on the champion's predictions by time, so the cost does not grow with the number of tweets
UNSCORED = text(
    f"""
    SELECT p.tweet_id, t.text FROM predictions p JOIN {tweet_of("p")} t USING (tweet_id)
    LEFT JOIN LATERAL (SELECT true AS scored FROM predictions
                       WHERE tweet_id = p.tweet_id AND model_version = :version OFFSET 0) other ON true
    WHERE p.model_version = :champion AND p.predicted_at >= :predicted_since AND t.collected_at >= :since
      AND p.tweet_id < {API_IDS_FROM} AND p.tweet_id > :after AND other.scored IS NULL
    ORDER BY p.tweet_id LIMIT :rows
    """
)
# The newest acting audit label of each tweet, in the order in which they began to act: a sequential test needs an order
# that later labels do not change. Labels of one import have equal times; a hash orders them independently of content.
# OFFSET 0 keeps the way from labels to predictions: the cost depends on the number of labels since then.
LABELLED = text(
    f"""
    SELECT t.text, l.label, old.label AS previous, new.label AS champion, a.inclusion_probability
    FROM (SELECT DISTINCT tweet_id FROM labels WHERE source = 'audit' AND stored_at >= :since) labelled
    JOIN LATERAL (SELECT tweet_id, label, predicted_at FROM predictions
                  WHERE tweet_id = labelled.tweet_id AND model_version = :champion OFFSET 0) new ON true
    JOIN LATERAL (SELECT inclusion_probability FROM audit_sample
                  WHERE tweet_id = new.tweet_id AND model_version = :champion OFFSET 0) a ON true
    JOIN LATERAL (SELECT label FROM predictions
                  WHERE tweet_id = new.tweet_id AND model_version = :previous OFFSET 0) old ON true
    JOIN {tweet_of("new")} t ON true
    JOIN LATERAL (SELECT label, {ACTS_SINCE} AS acts_since FROM labels l
                  WHERE l.tweet_id = new.tweet_id AND l.source = 'audit' AND {ACTS}
                  ORDER BY {NEWEST_FIRST} LIMIT 1) l ON true
    WHERE new.predicted_at >= :since AND t.collected_at >= :since AND {training_rows.UNSEEN}
    ORDER BY l.acts_since, hashint8extended(t.tweet_id, 0), t.tweet_id
    """
)
# the same population as LABELLED
PREDICTED = text(
    f"""
    SELECT label, count(*) AS tweets FROM (
        SELECT p.label FROM predictions p JOIN {tweet_of("p")} t USING (tweet_id)
        WHERE p.model_version = :version AND p.predicted_at < :until AND p.predicted_at >= :since
          AND p.tweet_id < {API_IDS_FROM} AND t.collected_at >= :since
        ORDER BY p.predicted_at DESC LIMIT :rows
    ) newest GROUP BY label
    """
)
# only labels whose selection is independent of the text: the audit sample, and disagreements of the two versions.
# The comparison is shown and decides nothing, so labels count here that do not act
PAIRED = text(
    f"""
    SELECT (SELECT l.label FROM labels l WHERE l.tweet_id = t.tweet_id AND (l.source = 'audit' OR l.source = 'person'
              AND EXISTS (SELECT FROM label_picks k WHERE k.label_id = l.label_id AND k.kind = 'disagreement'))
              AND {is_newest("l")}
            ORDER BY l.source = 'audit' DESC, {NEWEST_FIRST} LIMIT 1) AS label,
           one.p_negative, one.p_neutral, one.p_positive, other.p_negative, other.p_neutral, other.p_positive
    FROM (SELECT * FROM predictions WHERE model_version = :one AND predicted_at >= :since
          ORDER BY predicted_at DESC LIMIT :rows) one
    JOIN predictions other ON other.tweet_id = one.tweet_id AND other.model_version = :other
    JOIN tweets t ON t.tweet_id = one.tweet_id AND t.collected_at >= :since AND t.tweet_id < {API_IDS_FROM}
    WHERE {training_rows.UNSEEN}
    """
)


@dataclass(frozen=True, kw_only=True)
class ShadowTurn:
    """What a version scores in shadow: a share of the tweets that were collected since then and the champion scored."""

    version: int
    champion: int
    since: datetime
    share: float


def reached_at(connection: Connection, turn: ShadowTurn) -> datetime:
    """From when on the champion's predictions are to be read: where the last turn like this one began, less OVERLAP."""
    query = text(
        "SELECT reached_at FROM shadow_progress WHERE model_version = :version AND champion = :champion "
        "AND since = :since AND share >= :share"
    )
    reached: datetime | None = connection.execute(query, asdict(turn)).scalar()
    return max(turn.since, reached - OVERLAP) if reached else turn.since


def moment(connection: Connection) -> datetime:
    """The database's time at the beginning of the transaction, which predictions have as well."""
    now: datetime = connection.execute(text("SELECT now()")).scalar_one()
    return now


def record_reached(connection: Connection, turn: ShadowTurn, at: datetime) -> None:
    """Record that a turn which began then has scored everything."""
    connection.execute(
        text(
            "INSERT INTO shadow_progress (model_version, champion, since, share, reached_at) "
            "VALUES (:version, :champion, :since, :share, :moment) ON CONFLICT (model_version) DO UPDATE "
            "SET champion = excluded.champion, since = excluded.since, share = excluded.share, "
            "reached_at = excluded.reached_at"
        ),
        asdict(turn) | {"moment": at},
    )


def unscored_by_shadow(
    connection: Connection, after: int, turn: ShadowTurn, *, predicted_since: datetime, rows: int
) -> list[tuple[int, str]]:
    """The next tweets (id above `after`) of this turn that the shadow version did not score.

    predicted_since: the champion's predictions from then on are read.
    """
    where = asdict(turn) | {"predicted_since": predicted_since, "after": after, "rows": rows}
    return [(row.tweet_id, row.text) for row in connection.execute(UNSCORED, where)]


def predicted_classes(
    connection: Connection, version: int, *, since: datetime, until: datetime, rows: int
) -> dict[str, int]:
    """Of the newest `rows` tweets of the stream that a version scored within these times: how many of each class."""
    where = {"version": version, "since": since, "until": until, "rows": rows}
    return {row.label: row.tweets for row in connection.execute(PREDICTED, where)}


def labelled(
    connection: Connection, *, champion: int, previous: int, since: datetime, auditors: Sequence[str]
) -> Sequence[dict[str, Any]]:
    """Acting audit labels since then: text, label, previous and champion (predicted labels), inclusion_probability.

    In the order in which the labels began to act.
    """
    learned = training_rows.learned_snapshots(connection, [champion, previous])
    where = {"champion": champion, "previous": previous, "since": since, "learned": learned, "auditors": list(auditors)}
    return [dict(row) for row in connection.execute(LABELLED, where).mappings()]


def paired_predictions(
    connection: Connection, one: int, other: int, *, since: datetime, rows: int
) -> Sequence[tuple[Any, ...]]:
    """Predictions of both versions for the newest tweets since then that `one` scored.

    Each row is (label or None, 3 probabilities of `one`, 3 of `other`). Fastest when `one` scored fewer tweets.
    """
    learned = training_rows.learned_snapshots(connection, [one, other])
    where = {"one": one, "other": other, "since": since, "rows": rows, "learned": learned}
    return [tuple(row) for row in connection.execute(PAIRED, where)]
