"""The label queue: assignment of tweets to people, labels, and undo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, TextClause, text

from sentiment_lib.storage.label_candidates import Candidate

#: Picks that one person may have open at once.
MOST_OPEN = 10


def assign(
    connection: Connection,
    candidate: Candidate,
    *,
    person: str,
    position: int,
    slot: int,
    at: datetime,
    wants_second: bool,
) -> int | None:
    """Assign a candidate to a person and return the pick's id; None when another person was faster."""
    pick_id: int | None = connection.execute(
        text(
            "INSERT INTO label_picks (tweet_id, model_version, kind, inclusion_probability, person, position, slot, "
            "handed_at, wants_second, first_pick) VALUES (:tweet_id, :model_version, :kind, :inclusion_probability, "
            ":person, :position, :slot, :at, :wants_second, :first_pick) ON CONFLICT DO NOTHING RETURNING pick_id"
        ),
        {
            **vars(candidate),
            "person": person,
            "position": position,
            "slot": slot,
            "at": at,
            "wants_second": wants_second,
        },
    ).scalar()
    return pick_id


def release_expired(connection: Connection, before: datetime, person: str) -> int:
    """Release other people's picks that have been open since before this time; returns how many.

    Corrections stay: they keep nobody from the tweet, and their person has seen the prediction.
    """
    return connection.execute(
        text(
            "DELETE FROM label_picks WHERE state = 'open' AND kind <> 'correction' AND handed_at < :before "
            "AND person <> :person"
        ),
        {"before": before, "person": person},
    ).rowcount


@dataclass(frozen=True, kw_only=True)
class StoredPick:
    """A pick with its tweet and its prediction."""

    pick_id: int
    tweet_id: int
    model_version: int
    kind: str
    inclusion_probability: float | None
    person: str
    position: int
    handed_at: datetime
    state: str
    finished_at: datetime | None
    label: str | None
    label_id: int | None
    first_pick: int | None
    wants_second: bool
    text: str
    language: str | None
    airline: str | None
    created_at: datetime
    predicted: str
    p_negative: float
    p_neutral: float
    p_positive: float


PICK = """
    SELECT k.pick_id, k.tweet_id, k.model_version, k.kind, k.inclusion_probability, k.person, k.position, k.handed_at,
           k.state, k.finished_at, k.label, k.label_id, k.first_pick, k.wants_second,
           t.text, t.language, t.airline, t.created_at,
           p.label AS predicted, p.p_negative, p.p_neutral, p.p_positive
    FROM label_picks k JOIN tweets t USING (tweet_id)
    JOIN predictions p ON p.tweet_id = k.tweet_id AND p.model_version = k.model_version
"""


def open_picks(connection: Connection, person: str) -> list[StoredPick]:
    """The person's open picks in the order of their slots, at most MOST_OPEN."""
    statement = text(f"{PICK} WHERE k.person = :person AND k.state = 'open' ORDER BY k.slot")
    return [StoredPick(**row) for row in connection.execute(statement, {"person": person}).mappings()]


def free_slots(connection: Connection, person: str, count: int) -> list[int]:
    """Slots in which the person can be assigned a tweet so that `count` are open; empty when as many are."""
    statement = text("SELECT slot FROM label_picks WHERE person = :person AND state = 'open'")
    taken = set(connection.execute(statement, {"person": person}).scalars())
    free = [slot for slot in range(1, MOST_OPEN + 1) if slot not in taken]
    return free[: max(0, count - len(taken))]


def pick(connection: Connection, pick_id: int, person: str) -> StoredPick | None:
    """This pick of this person, locked until the transaction ends; None without one."""
    statement = text(f"{PICK} WHERE k.pick_id = :pick AND k.person = :person FOR UPDATE OF k")
    return _one_pick(connection, statement, {"pick": pick_id, "person": person})


def last_finished(connection: Connection, person: str) -> StoredPick | None:
    """The person's newest labelled or skipped pick, locked until the transaction ends; None without one.

    A correction that was skipped is not opened again.
    """
    statement = text(
        f"{PICK} WHERE k.person = :person AND k.finished_at IS NOT NULL "
        "AND (k.kind, k.state) <> ('correction', 'skipped') "
        "ORDER BY k.finished_at DESC, k.pick_id DESC LIMIT 1 FOR UPDATE OF k"
    )
    return _one_pick(connection, statement, {"person": person})


def next_position(connection: Connection, person: str) -> int:
    """Number of the person's next pick, from 1."""
    position: int = connection.execute(
        text("SELECT coalesce(max(position), 0) + 1 FROM label_picks WHERE person = :person"), {"person": person}
    ).scalar_one()
    return position


def finish(connection: Connection, pick_id: int, *, label: str | None, label_id: int | None, at: datetime) -> None:
    """Close a pick: labelled with a label, skipped without."""
    connection.execute(
        text(
            "UPDATE label_picks SET state = CASE WHEN cast(:label AS text) IS NULL THEN 'skipped' ELSE 'labelled' END,"
            " label = :label, label_id = :label_id, finished_at = :at WHERE pick_id = :pick"
        ),
        {"pick": pick_id, "label": label, "label_id": label_id, "at": at},
    )


def reopen(connection: Connection, pick_id: int, at: datetime) -> None:
    """Reopen a pick, without its label."""
    connection.execute(
        text(
            "UPDATE label_picks SET state = 'open', label = NULL, label_id = NULL, finished_at = NULL, "
            "handed_at = :at WHERE pick_id = :pick"
        ),
        {"pick": pick_id, "at": at},
    )


def reopen_as_correction(connection: Connection, pick_id: int, at: datetime) -> None:
    """Reopen a pick whose person has seen the prediction: another label of it is no independent one."""
    connection.execute(
        text(
            "UPDATE label_picks SET state = 'open', label = NULL, label_id = NULL, finished_at = NULL, "
            "handed_at = :at, kind = 'correction', inclusion_probability = NULL, first_pick = NULL, "
            "wants_second = false WHERE pick_id = :pick"
        ),
        {"pick": pick_id, "at": at},
    )


def delete_open(connection: Connection, pick_ids: Sequence[int]) -> None:
    """Delete these picks where they are still open."""
    connection.execute(
        text("DELETE FROM label_picks WHERE pick_id = ANY(:picks) AND state = 'open'"), {"picks": list(pick_ids)}
    )


def has_second_opinion(connection: Connection, pick_id: int) -> bool:
    """Whether a second person was assigned the tweet of this pick, or has labelled it."""
    statement = text(
        "SELECT EXISTS (SELECT FROM label_picks WHERE first_pick = :pick AND state IN ('open', 'labelled'))"
    )
    return bool(connection.execute(statement, {"pick": pick_id}).scalar_one())


def is_assigned(connection: Connection, tweet_id: int, pick_id: int) -> bool:
    """Whether another pick of this tweet is open or labelled."""
    statement = text(
        "SELECT EXISTS (SELECT FROM label_picks WHERE tweet_id = :tweet AND pick_id <> :pick "
        "AND state IN ('open', 'labelled'))"
    )
    return bool(connection.execute(statement, {"tweet": tweet_id, "pick": pick_id}).scalar_one())


def _one_pick(connection: Connection, statement: TextClause, values: Mapping[str, Any]) -> StoredPick | None:
    row = connection.execute(statement, dict(values)).mappings().one_or_none()
    return StoredPick(**row) if row else None
