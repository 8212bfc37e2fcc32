"""Labels by people: insertion, deletion, their part in the audit sample, and pages for export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text


@dataclass(frozen=True, kw_only=True)
class NewLabel:
    """A person's label of a tweet, to be stored."""

    tweet_id: int
    label: str
    #: "audit", "person" or "feedback"
    source: str
    labelled_by: str
    labelled_at: datetime
    #: False when `labelled_at` is not the time at which the person labelled
    is_timed: bool = True
    #: of a random sample: the audit sample, or one declared by an import
    inclusion_probability: float | None = None
    confidence: float | None = None


def insert_label(connection: Connection, new: NewLabel) -> int | None:
    """Store a label and return its id; None when it is already stored as the person's newest.

    Repeating a label after a different one makes it the newest again, and acts from then on; if `is_timed` is False,
    only after a different label of the same person.
    """
    label_id: int | None = connection.execute(
        text(
            "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at, confidence, inclusion_probability) "
            "VALUES (:tweet_id, :label, :source, :labelled_by, :labelled_at, :confidence, :inclusion_probability) "
            "ON CONFLICT (tweet_id, source, labelled_by, label) DO UPDATE SET labelled_at = excluded.labelled_at, "
            "confidence = excluded.confidence, stored_at = now() "
            "WHERE labels.labelled_at < excluded.labelled_at AND EXISTS ("
            "SELECT FROM labels other WHERE other.tweet_id = labels.tweet_id AND other.source = labels.source "
            "AND other.label <> labels.label AND other.labelled_at >= labels.labelled_at "
            "AND (:is_timed OR other.labelled_by = labels.labelled_by)) RETURNING label_id"
        ),
        vars(new),
    ).scalar()
    return label_id


def mark_audited(connection: Connection, tweet_ids: Sequence[int], at: datetime | None) -> None:
    """Set when the audit sample's predictions of these tweets were labelled; None returns them to the queue."""
    connection.execute(
        text("UPDATE audit_sample SET labelled_at = :at WHERE tweet_id = ANY(:tweets)"),
        {"at": at, "tweets": list(tweet_ids)},
    )


def audit_probabilities(connection: Connection, tweet_ids: Sequence[int]) -> dict[int, float]:
    """Inclusion probability of those tweets that are in the audit sample; of several rows, the newest."""
    rows = connection.execute(
        text(
            "SELECT DISTINCT ON (tweet_id) tweet_id, inclusion_probability FROM audit_sample "
            "WHERE tweet_id = ANY(:tweets) ORDER BY tweet_id, drawn_at DESC, model_version DESC"
        ),
        {"tweets": list(tweet_ids)},
    )
    return {row.tweet_id: row.inclusion_probability for row in rows}


def audited(connection: Connection, tweet_ids: Sequence[int]) -> dict[int, str]:
    """Who labelled those tweets that have an audit label."""
    rows = connection.execute(
        text(
            "SELECT DISTINCT ON (tweet_id) tweet_id, labelled_by FROM labels "
            "WHERE tweet_id = ANY(:tweets) AND source = 'audit' ORDER BY tweet_id, label_id"
        ),
        {"tweets": list(tweet_ids)},
    )
    return {row.tweet_id: row.labelled_by for row in rows}


def existing_ids(connection: Connection, tweet_ids: Sequence[int]) -> set[int]:
    """The subset of ids that are stored tweets."""
    rows = connection.execute(
        text("SELECT tweet_id FROM tweets WHERE tweet_id = ANY(:tweets)"), {"tweets": list(tweet_ids)}
    )
    return set(rows.scalars())


def frozen_since(connection: Connection, tweet_id: int, label_id: int) -> int | None:
    """The first snapshot with this tweet that was made after the label was stored; None without one."""
    snapshot: int | None = connection.execute(
        text(
            "SELECT min(s.snapshot_id) FROM snapshot_rows r JOIN snapshots s USING (snapshot_id) "
            "WHERE r.tweet_id = :tweet AND s.created_at >= (SELECT stored_at FROM labels WHERE label_id = :label)"
        ),
        {"tweet": tweet_id, "label": label_id},
    ).scalar_one()
    return snapshot


def delete_label(connection: Connection, label_id: int) -> None:
    """Delete one label."""
    connection.execute(text("DELETE FROM labels WHERE label_id = :label"), {"label": label_id})


def waiting(connection: Connection, before: int | None, rows: int) -> list[dict[str, Any]]:
    """A page of the unlabelled audit sample, newest tweets first, below the id `before`; each tweet once."""
    page = connection.execute(
        text(
            "SELECT DISTINCT ON (a.tweet_id) a.tweet_id, t.text, t.airline, t.created_at, t.synthetic, "
            "a.inclusion_probability FROM audit_sample a JOIN tweets t USING (tweet_id) "
            "WHERE a.labelled_at IS NULL AND (cast(:before AS bigint) IS NULL OR a.tweet_id < :before) "
            "AND NOT EXISTS (SELECT FROM labels l WHERE l.tweet_id = a.tweet_id AND l.source = 'audit') "
            "ORDER BY a.tweet_id DESC, a.model_version DESC LIMIT :rows"
        ),
        {"before": before, "rows": rows},
    )
    return [dict(row) for row in page.mappings()]


def page_of_labels(connection: Connection, sources: Sequence[str], after: int, rows: int) -> list[dict[str, Any]]:
    """A page of labels of these sources with their tweets, by label id, above `after`."""
    page = connection.execute(
        text(
            "SELECT l.label_id, l.tweet_id, t.text, l.label, l.source, l.labelled_by, l.labelled_at, l.confidence, "
            "l.inclusion_probability, t.synthetic FROM labels l JOIN tweets t USING (tweet_id) "
            "WHERE l.label_id > :after AND l.source = ANY(:sources) ORDER BY l.label_id LIMIT :rows"
        ),
        {"sources": list(sources), "after": after, "rows": rows},
    )
    return [dict(row) for row in page.mappings()]


def count_stored_since(connection: Connection, moment: datetime | None) -> int:
    """Labels stored after this moment; None counts all."""
    query = "SELECT count(*) FROM labels" + (" WHERE stored_at > :moment" if moment else "")
    count: int = connection.execute(text(query), {"moment": moment} if moment else {}).scalar_one()
    return count


def labelled_by_day(connection: Connection, moment: datetime) -> dict[date, int]:
    """Tweets whose first label came after this moment, by the day (UTC) on which it was stored."""
    rows = connection.execute(
        text(
            "SELECT (stored_at AT TIME ZONE 'UTC')::date AS day, count(DISTINCT tweet_id) FROM labels l "
            "WHERE stored_at > :moment AND NOT EXISTS "
            "(SELECT FROM labels e WHERE e.tweet_id = l.tweet_id AND e.label_id < l.label_id) GROUP BY day ORDER BY day"
        ),
        {"moment": moment},
    )
    return {day: int(count) for day, count in rows}


def count_judging_since(connection: Connection, moment: datetime) -> int:
    """Tweets with a label stored after this moment that may judge: audit, data set, or declared random draw."""
    query = (
        "SELECT count(DISTINCT tweet_id) FROM labels WHERE stored_at > :moment "
        "AND (source IN ('audit', 'dataset') OR (source = 'person' AND inclusion_probability IS NOT NULL))"
    )
    count: int = connection.execute(text(query), {"moment": moment}).scalar_one()
    return count
