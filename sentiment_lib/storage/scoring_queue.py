"""The scoring queue: tweets that wait for the champion's prediction. A trigger adds every collected tweet.

Its cost depends on what waits, not on what is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from sentiment_lib.storage import deployments
from sentiment_lib.storage.engine import lock

#: Above every tweet id.
NO_ID = 2**63 - 1
FIRST = text(
    "SELECT q.tweet_id, t.text FROM tweets_to_score q JOIN tweets t USING (tweet_id) "
    "WHERE q.tweet_id > :after AND q.tweet_id <= :last ORDER BY q.tweet_id LIMIT :rows"
)
RANGES = text(
    "SELECT min(tweet_id) AS low, max(tweet_id) AS high FROM "
    "(SELECT tweet_id, (row_number() OVER (ORDER BY tweet_id) - 1) / :rows AS part FROM tweets_to_score) numbered "
    "GROUP BY part ORDER BY part"
)


def first(connection: Connection, *, after: int, rows: int, last: int = NO_ID) -> list[tuple[int, str]]:
    """The first waiting tweets (id above `after` and up to `last`, by id) with their texts."""
    found = connection.execute(FIRST, {"after": after, "last": last, "rows": rows})
    return [(row.tweet_id, row.text) for row in found]


def ranges(connection: Connection, *, rows: int) -> list[tuple[int, int]]:
    """Smallest and largest id of each `rows` waiting tweets, by id."""
    return [(row.low, row.high) for row in connection.execute(RANGES, {"rows": rows})]


def remove(connection: Connection, tweet_ids: Sequence[int], version: int) -> None:
    """Take tweets that the champion has scored out of the queue, in the transaction that stores its predictions.

    They stay when another version has become champion: it has to score them as well. The lock makes a move of the
    champion wait until these predictions are committed, so that the tweets are either queued or seen by rescoring.
    """
    lock(connection, "champion", shared=True)
    move = deployments.last_move(connection)
    if move is not None and move.to_version == version:
        connection.execute(
            text("DELETE FROM tweets_to_score WHERE tweet_id = ANY(:tweets)"), {"tweets": list(tweet_ids)}
        )


def count_overdue(connection: Connection, before: datetime, most: int) -> int:
    """Number of waiting tweets that were collected before `before`, counted up to `most`."""
    query = "SELECT count(*) FROM (SELECT FROM tweets_to_score WHERE collected_at < :before LIMIT :most) waiting"
    count: int = connection.execute(text(query), {"before": before, "most": most}).scalar_one()
    return count


def count(connection: Connection) -> int:
    """Number of waiting tweets."""
    return int(connection.scalar(text("SELECT count(*) FROM tweets_to_score")) or 0)
