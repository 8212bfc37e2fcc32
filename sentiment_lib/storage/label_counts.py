"""Counts of the label queue: labels by person, the unlabelled audit sample, and pairs of labels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


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
            "ORDER BY prediction_id LIMIT :most) overdue"
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
