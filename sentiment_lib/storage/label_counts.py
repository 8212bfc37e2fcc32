"""Counts of the label queue: labels by person, the unlabelled audit sample, and pairs of labels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from sentiment_lib.storage.acting_labels import NEWEST_FIRST


def label_pairs(connection: Connection, newest: int, *, audit_only: bool = False) -> list[tuple[str, str]]:
    """(first, second) labels of the newest tweets that two people have labelled.

    audit_only: tweets of the audit sample alone. The others are those on which models are unsure, and people too.
    """
    rows = connection.execute(
        text(
            "SELECT k.label AS first, s.label AS second FROM label_picks s "
            "JOIN label_picks k ON k.pick_id = s.first_pick "
            "WHERE s.kind = 'second' AND s.state = 'labelled' AND k.state = 'labelled' "
            "AND (NOT :audit_only OR k.kind = 'audit') ORDER BY s.pick_id DESC LIMIT :newest"
        ),
        {"newest": newest, "audit_only": audit_only},
    )
    return [(row.first, row.second) for row in rows]


def source_pairs(connection: Connection, newest: int) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Labels of tweets that two sources labelled, by pair of sources: for each tweet and source the newest label.

    Two labels of one author count as none: they are not independent. Only the newest labels that are not of a data set
    are searched.
    """
    rows = connection.execute(
        text(
            f"""
            WITH searched AS (SELECT DISTINCT tweet_id FROM (
                SELECT tweet_id FROM labels WHERE source <> 'dataset' ORDER BY label_id DESC LIMIT :newest) few),
            newest AS (SELECT DISTINCT ON (l.tweet_id, l.source) l.tweet_id, l.source, l.label, l.labelled_by
                       FROM labels l JOIN searched USING (tweet_id) ORDER BY l.tweet_id, l.source, {NEWEST_FIRST})
            SELECT one.source AS first, other.source AS second, one.label, other.label AS other_label
            FROM newest one JOIN newest other ON other.tweet_id = one.tweet_id AND one.source < other.source
            WHERE one.labelled_by IS DISTINCT FROM other.labelled_by ORDER BY one.tweet_id
            """
        ),
        {"newest": newest},
    )
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for row in rows:
        found.setdefault((row.first, row.second), []).append((row.label, row.other_label))
    return found


@dataclass(frozen=True, kw_only=True)
class LabelCounts:
    """Labels of one person and of everyone, and what is left to label."""

    own_since: int
    own: int
    own_skipped: int
    all_people: int
    audit_waiting: int


def counts(connection: Connection, person: str, since: datetime, most: int) -> LabelCounts:
    """Labels of the person and of everyone, and the unlabelled audit sample; each counted up to `most`."""
    row = (
        connection.execute(
            text(
                """
                SELECT (SELECT count(*) FROM (SELECT FROM label_picks WHERE person = :person AND finished_at >= :since
                                              AND state = 'labelled' LIMIT :most) m) AS own_since,
                       (SELECT count(*) FROM (SELECT FROM label_picks WHERE person = :person AND state = 'labelled'
                                              LIMIT :most) m) AS own,
                       (SELECT count(*) FROM (SELECT FROM label_picks WHERE person = :person AND state = 'skipped'
                                              LIMIT :most) m) AS own_skipped,
                       (SELECT count(*) FROM (SELECT FROM label_picks WHERE state = 'labelled' 
                        LIMIT :most) m) AS all_people,
                       (SELECT count(*) FROM (SELECT FROM audit_sample WHERE labelled_at IS NULL
                                              LIMIT :most) m) AS audit_waiting
                """
            ),
            {"person": person, "since": since, "most": most},
        )
        .mappings()
        .one()
    )
    return LabelCounts(**row)


def audit_waiting(connection: Connection, most: int = 10_000) -> int:
    """Unlabelled predictions of the audit sample, counted up to `most`."""
    count: int = connection.execute(
        text("SELECT count(*) FROM (SELECT FROM audit_sample WHERE labelled_at IS NULL LIMIT :most) waiting"),
        {"most": most},
    ).scalar_one()
    return count


def audit_overdue(connection: Connection, before: datetime, most: int) -> int:
    """Unlabelled predictions of the audit sample that were drawn before then, counted up to `most`."""
    count: int = connection.execute(
        text(
            # the oldest first, so that the count ends at `most` without passing those that were drawn later
            "SELECT count(*) FROM (SELECT FROM audit_sample WHERE labelled_at IS NULL AND drawn_at < :before "
            "ORDER BY tweet_id LIMIT :most) overdue"
        ),
        {"before": before, "most": most},
    ).scalar_one()
    return count


def audit_labelled(connection: Connection, since: datetime) -> int:
    """Tweets of the audit sample that received their audit label since then."""
    count: int = connection.execute(
        text("SELECT count(*) FROM audit_sample WHERE labelled_at >= :since"), {"since": since}
    ).scalar_one()
    return count
