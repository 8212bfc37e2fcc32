"""Labels that came after a decision, with the predictions of both of its versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, text

from sentiment_lib.records import API_IDS_FROM, DecisionRecord
from sentiment_lib.storage import training_rows
from sentiment_lib.storage.acting_labels import ACTS, NEWEST_FIRST

# starts from the index on labels by time, so the cost does not grow with the number of predictions
LATER = text(
    f"""
    SELECT t.text, l.label, one.label AS champion, other.label AS candidate,
           coalesce(l.inclusion_probability, 1) AS inclusion
    FROM (SELECT DISTINCT ON (l.tweet_id) l.tweet_id, l.label, l.inclusion_probability FROM labels l
          WHERE l.source = 'audit' AND l.stored_at > :decided_at AND {ACTS}
          ORDER BY l.tweet_id, {NEWEST_FIRST}) l
    JOIN tweets t ON t.tweet_id = l.tweet_id AND t.tweet_id < {API_IDS_FROM}
    JOIN predictions one ON one.tweet_id = l.tweet_id AND one.model_version = :champion
    JOIN predictions other ON other.tweet_id = l.tweet_id AND other.model_version = :candidate
    WHERE {training_rows.UNSEEN}
      AND NOT EXISTS (SELECT FROM snapshot_rows judged
                      WHERE judged.tweet_id = l.tweet_id AND judged.snapshot_id = :snapshot_id)
    ORDER BY l.tweet_id DESC LIMIT :most
    """
)
#: Maximum number of rows, the newest tweets.
MOST = 20_000


@dataclass(frozen=True, kw_only=True)
class LaterLabel:
    """An audit label stored after the decision, on a tweet that neither version learned from or was judged on."""

    text: str
    label: str
    champion: str
    candidate: str
    #: probability with which the tweet was drawn for the audit sample
    inclusion: float


def of_decision(connection: Connection, decision: DecisionRecord, *, auditors: Sequence[str]) -> list[LaterLabel]:
    """Acting audit labels after the decision on tweets that both versions scored, newest tweets first, at most MOST."""
    versions = {"champion": decision.champion_version, "candidate": decision.candidate_version}
    return _select(connection, versions, auditors, decided_at=decision.decided_at, snapshot_id=decision.snapshot_id)


def of_pair(connection: Connection, *, champion: int, candidate: int, auditors: Sequence[str]) -> list[LaterLabel]:
    """Acting audit labels of any time on tweets that both versions scored and neither learned from, at most MOST."""
    versions = {"champion": champion, "candidate": candidate}
    return _select(connection, versions, auditors, decided_at=datetime.min.replace(tzinfo=UTC), snapshot_id=None)


def _select(
    connection: Connection, versions: dict[str, int], auditors: Sequence[str], **where: Any
) -> list[LaterLabel]:
    where |= versions
    where |= {"learned": training_rows.learned_snapshots(connection, versions.values())}
    where |= {"auditors": list(auditors), "most": MOST}
    return [LaterLabel(**row) for row in connection.execute(LATER, where).mappings()]
