"""Rescoring: how far a new champion has scored the tweets that were stored before it, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from sentiment_lib.records import API_IDS_FROM

# starts at the newest tweet; tweets that come later are in the scoring queue
START = text(
    f"""
    INSERT INTO rescoring (deployment_id, newest, reached_at, reached_id)
    SELECT :deployment, created_at, created_at, tweet_id + 1 FROM tweets WHERE tweet_id < {API_IDS_FROM}
    ORDER BY created_at DESC, tweet_id DESC LIMIT 1
    ON CONFLICT DO NOTHING
    """
)
PAGE = f"""
    SELECT t.tweet_id, t.text, t.created_at, t.tweet_id < {API_IDS_FROM} AND NOT EXISTS (
        SELECT FROM predictions p WHERE p.tweet_id = t.tweet_id AND p.model_version = :version) AS unscored
    FROM tweets t WHERE (t.created_at, t.tweet_id) < (:reached_at, :reached_id) {{since}}
    ORDER BY t.created_at DESC, t.tweet_id DESC LIMIT :rows
"""


@dataclass(frozen=True, kw_only=True)
class Page:
    """The next older tweets of a deployment's rescoring."""

    deployment_id: int
    #: (tweet id, text) of those that the version has not scored, by id
    unscored: list[tuple[int, str]]
    #: time and id of the oldest tweet of the page
    reached_at: datetime
    reached_id: int


def next_page(
    connection: Connection, deployment_id: int, version: int, *, window: timedelta | None, rows: int
) -> Page | None:
    """The next `rows` tweets down to `window` before the newest tweet (None: all); None at the end."""
    progress = text("SELECT newest, reached_at, reached_id FROM rescoring WHERE deployment_id = :deployment")
    at = connection.execute(progress, {"deployment": deployment_id}).one_or_none()
    if at is None:
        connection.execute(START, {"deployment": deployment_id})
        at = connection.execute(progress, {"deployment": deployment_id}).one_or_none()
    if at is None:
        return None
    where = {"version": version, "reached_at": at.reached_at, "reached_id": at.reached_id, "rows": rows}
    if window is not None:
        where["since"] = at.newest - window
    query = text(PAGE.format(since="" if window is None else "AND t.created_at >= :since"))
    found = connection.execute(query, where).all()
    if not found:
        return None
    return Page(
        deployment_id=deployment_id,
        unscored=sorted((row.tweet_id, row.text) for row in found if row.unscored),
        reached_at=found[-1].created_at,
        reached_id=found[-1].tweet_id,
    )


def advance(connection: Connection, page: Page) -> None:
    """Record that the page is scored, in the transaction that stores its predictions."""
    connection.execute(
        text(
            "UPDATE rescoring SET reached_at = :at, reached_id = :id WHERE deployment_id = :deployment "
            "AND (reached_at, reached_id) > (:at, :id)"
        ),
        {"deployment": page.deployment_id, "at": page.reached_at, "id": page.reached_id},
    )
