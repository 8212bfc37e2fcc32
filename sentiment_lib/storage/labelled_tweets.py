"""Rows of the labelled tweets: replaced when their labels change, and decided: training row, holdout, or left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Row, text

from sentiment_lib.evaluation.frozen_rows import PARTS
from sentiment_lib.evaluation.holdout_split import JUDGING, thinning_draw
from sentiment_lib.storage import text_copies
from sentiment_lib.storage.engine import raw
from sentiment_lib.storage.labelled_chunks import Place
from sentiment_lib.text.near_copies import Copies, fingerprint

#: Columns that come from labels and tweet.
READ = ("created_at", "synthetic", "label", "label_source", *JUDGING)
STORED = text(f"SELECT tweet_id, text_key, part, {', '.join(READ)} FROM labelled_tweets WHERE tweet_id = ANY(:ids)")
STORE = text(
    f"INSERT INTO labelled_tweets (tweet_id, text_key, thinning_draw, {', '.join(READ)}) SELECT * FROM unnest("
    "CAST(:tweet_id AS bigint[]), CAST(:text_key AS bigint[]), CAST(:thinning_draw AS double precision[]), "
    "CAST(:created_at AS timestamptz[]), CAST(:synthetic AS boolean[]), CAST(:label AS text[]), "
    "CAST(:label_source AS text[]), CAST(:judging_label AS text[]), CAST(:judging_source AS text[]), "
    "CAST(:inclusion AS double precision[]))"
)
REMOVE = text("DELETE FROM labelled_tweets WHERE tweet_id = ANY(:ids)")
WITH_KEYS = text("SELECT DISTINCT text_key FROM labelled_tweets WHERE text_key = ANY(:keys)")
#: Rows of the holdout's time that are decided by these texts, or by near copies of them.
COPIES = text(
    "SELECT l.tweet_id FROM (SELECT unnest(CAST(:keys AS bigint[])) UNION "
    "SELECT other_key FROM near_copies WHERE text_key = ANY(:keys)) keys (text_key) "
    "JOIN labelled_tweets l USING (text_key) WHERE l.created_at >= :split AND l.judging_label IS NOT NULL"
)
_STAYS = (
    "({0}.judging_source <> 'audit' OR {0}.inclusion IS NULL "
    "OR {0}.thinning_draw < CAST(:least AS double precision) / {0}.inclusion)"
)
_ORDER = "({0}.judging_source <> 'audit', {0}.created_at, {0}.tweet_id)"
# a copy is left out when a training row, or a row of the holdout before it, is its copy
_EARLIER = (
    "e.tweet_id <> h.tweet_id AND (e.created_at < :split OR (e.judging_label IS NOT NULL "
    f"AND {_STAYS.format('e')} AND {_ORDER.format('e')} < {_ORDER.format('h')}))"
)
DECIDE = text(
    f"""
    UPDATE labelled_tweets l SET part = new.part FROM (
        SELECT h.tweet_id, h.part AS old_part, CASE
            WHEN h.created_at < :split THEN 'train'
            WHEN h.judging_label IS NOT NULL AND {_STAYS.format("h")}
                 AND NOT EXISTS (SELECT FROM labelled_tweets e WHERE e.text_key = h.text_key AND {_EARLIER} OFFSET 0)
                 AND NOT EXISTS (SELECT FROM near_copies n CROSS JOIN LATERAL (
                    SELECT FROM labelled_tweets e WHERE e.text_key = n.other_key AND {_EARLIER} OFFSET 0
                 ) earlier WHERE n.text_key = h.text_key OFFSET 0) THEN 'holdout' END AS part
        FROM labelled_tweets h WHERE h.tweet_id = ANY(:ids)
    ) new WHERE l.tweet_id = new.tweet_id AND new.part IS DISTINCT FROM new.old_part
    RETURNING l.created_at, l.tweet_id, l.synthetic, new.old_part, new.part
    """
)


@dataclass
class Changes:
    """What changed among the labelled tweets."""

    #: tweets to decide anew, and keys of the texts whose copies are decided anew
    ids: set[int] = field(default_factory=set)
    keys: set[int] = field(default_factory=set)
    #: change of the number of judging labels, and of those before the split
    judging: int = 0
    judging_before: int = 0
    #: rows that came to a part or left it, and the change of their number by part
    places: list[Place] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    synthetic: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))

    def count_part(self, part: str | None, row: Any, step: int) -> None:
        """A row comes to a part (step 1) or leaves it (-1)."""
        if part is not None:
            self.rows[part] += step
            self.synthetic[part] += step * row.synthetic
            self.places.append(Place(part=part, created_at=row.created_at, tweet_id=row.tweet_id))

    def count_judging(self, row: Any, split_at: datetime | None, step: int) -> None:
        """A row comes (step 1) or goes (-1)."""
        if row.judging_label is not None:
            self.judging += step
            self.judging_before += step * (split_at is not None and row.created_at < split_at)


def replace(
    connection: Connection, ids: Sequence[int], fresh: Sequence[Row[Any]], split_at: datetime | None, changes: Changes
) -> None:
    """Make the rows of these tweets those of `fresh` (`current_labels.labelled_of`); those without one are removed."""
    stored = {row.tweet_id: row for row in connection.execute(STORED, {"ids": list(ids)})}
    new = {
        row.tweet_id: row
        for row in fresh
        if row.tweet_id not in stored or any(getattr(row, name) != getattr(stored[row.tweet_id], name) for name in READ)
    }
    kept = {row.tweet_id for row in fresh} - new.keys()
    gone = [row for row in stored.values() if row.tweet_id not in kept]
    prints = fingerprint([row.text for row in new.values()])
    added = {one.key: one for one in prints if one is not None}
    known = set(connection.execute(WITH_KEYS, {"keys": list(added)}).scalars())
    connection.execute(REMOVE, {"ids": [row.tweet_id for row in gone]})
    connection.execute(
        STORE,
        {
            "tweet_id": list(new),
            "text_key": [one and one.key for one in prints],
            "thinning_draw": [thinning_draw(tweet_id) for tweet_id in new],
            **{name: [getattr(row, name) for row in new.values()] for name in READ},
        },
    )
    for row in gone:
        changes.count_part(row.part, row, -1)
        changes.count_judging(row, split_at, -1)
    for row in new.values():
        changes.count_judging(row, split_at, 1)
    changes.ids |= new.keys()
    changes.keys |= added.keys() | _drop_texts(connection, gone)
    changes.keys |= text_copies.add(connection, [one for key, one in added.items() if key not in known])


def _drop_texts(connection: Connection, gone: Sequence[Any]) -> set[int]:
    """Keys of the rows that went, and of texts whose near copies changed because no row has theirs any more."""
    keys = {row.text_key for row in gone if row.text_key is not None}
    left = set(connection.execute(WITH_KEYS, {"keys": list(keys)}).scalars())
    return keys | text_copies.remove(connection, keys - left)


def remove(connection: Connection, ids: Sequence[int], split_at: datetime | None, changes: Changes) -> None:
    """Remove the rows of these tweets."""
    gone = connection.execute(STORED, {"ids": list(ids)}).all()
    connection.execute(REMOVE, {"ids": list(ids)})
    for row in gone:
        changes.count_part(row.part, row, -1)
        changes.count_judging(row, split_at, -1)
    changes.keys |= _drop_texts(connection, gone)


def find_copies(connection: Connection, keys: set[int], split_at: datetime) -> set[int]:
    """Tweets from the split on that these texts, or near copies of them, may keep in the holdout or out of it."""
    return set(connection.execute(COPIES, {"keys": list(keys), "split": split_at}).scalars())


def decide(connection: Connection, split_at: datetime, least: float | None, changes: Changes) -> None:
    """Set the part of the tweets of `changes`; `least`: smallest inclusion probability in the holdout."""
    ids = changes.ids | find_copies(connection, changes.keys, split_at)
    rows = connection.execute(DECIDE, {"split": split_at, "least": least, "ids": list(ids)})
    for row in rows.all():
        changes.count_part(row.old_part, row, -1)
        changes.count_part(row.part, row, 1)


def load(connection: Connection, frame: pd.DataFrame, copies: Copies) -> None:
    """Fill the empty tables with these rows (columns of `current_labels`, and part) and the copies of their texts."""
    columns = [frame[name].astype(object).where(frame[name].notna(), None).tolist() for name in (*READ, "part")]
    ids, prints = frame["tweet_id"].tolist(), copies.prints
    cursor = raw(connection).cursor()
    names = ", ".join((*READ, "part"))
    with cursor.copy(f"COPY labelled_tweets (tweet_id, text_key, thinning_draw, {names}) FROM STDIN") as copy:
        for tweet_id, one, *row in zip(ids, prints, *columns, strict=True):
            copy.write_row((tweet_id, one and one.key, thinning_draw(tweet_id), *row))
    text_copies.load(connection, copies)
