"""Candidates of the label queue by kind: the audit sample, uncertain and disputed predictions, second opinions.

Every query is bounded: the unlabelled audit sample has an index of its own, and uncertain and disputed predictions are
searched among the newest only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, TextClause, text

from sentiment_lib.records import API_IDS_FROM

#: Candidates read for one pick; spares in case others are assigned some at the same time.
CANDIDATES = 20


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A tweet that can be assigned."""

    tweet_id: int
    model_version: int
    kind: str
    inclusion_probability: float | None = None
    #: for a second opinion
    first_pick: int | None = None


@dataclass(frozen=True, kw_only=True)
class LabelScope:
    """Tweets that a person wants to label: of an airline (None: of any), written from `since` up to before `until`."""

    airline: str | None
    since: datetime
    until: datetime


# a second opinion and a correction leave the tweet to others
_EXCLUSIVE = "k.kind NOT IN ('second', 'correction')"
# not labelled by a person, not assigned, and not skipped by this person
_FREE = f"""
    NOT EXISTS (SELECT FROM labels l WHERE l.tweet_id = p.tweet_id AND l.source IN ('audit', 'person'))
    AND NOT EXISTS (SELECT FROM label_picks k WHERE k.tweet_id = p.tweet_id
                    AND (k.person = :person OR ({_EXCLUSIVE} AND k.state IN ('open', 'labelled'))))
"""
_IN_SCOPE = f"(:api_texts OR p.tweet_id < {API_IDS_FROM})"

# newest first: sampling is independent of the text, so any time slice is a random sample
AUDIT = text(
    f"""
    SELECT p.tweet_id, p.model_version, 'audit' AS kind, p.inclusion_probability
    FROM audit_sample p
    WHERE p.labelled_at IS NULL AND {_IN_SCOPE}
      AND NOT EXISTS (SELECT FROM labels l WHERE l.tweet_id = p.tweet_id AND l.source = 'audit')
      AND NOT EXISTS (SELECT FROM label_picks k WHERE k.tweet_id = p.tweet_id
                      AND (k.person = :person OR ({_EXCLUSIVE} AND k.state IN ('open', 'labelled'))))
    ORDER BY p.tweet_id DESC, p.model_version DESC LIMIT {CANDIDATES}
    """
)
# the audit sample is excluded: tweets labelled for another reason would drop out of the sample
_NEWEST = f"""
    SELECT p.tweet_id, p.model_version, p.label, greatest(p.p_negative, p.p_neutral, p.p_positive) AS confidence
    FROM predictions p
    WHERE p.model_version = (SELECT to_version FROM deployments WHERE state = 'done'
                             ORDER BY deployment_id DESC LIMIT 1)
      AND {_IN_SCOPE}
    ORDER BY p.predicted_at DESC LIMIT :newest
"""
# of the tweets that a person chose; the newest of them, by the index on the time
_CHOSEN = f"""
    SELECT p.tweet_id, p.model_version, p.label, greatest(p.p_negative, p.p_neutral, p.p_positive) AS confidence
    FROM (SELECT tweet_id, airline FROM tweets WHERE created_at >= :since AND created_at < :until
          ORDER BY created_at DESC, tweet_id DESC LIMIT 50000) t
    JOIN predictions p ON p.tweet_id = t.tweet_id
     AND p.model_version = (SELECT to_version FROM deployments WHERE state = 'done' ORDER BY deployment_id DESC LIMIT 1)
    WHERE (cast(:airline AS text) IS NULL OR t.airline = :airline) AND {_IN_SCOPE} LIMIT :newest
"""
_DISPUTED = "EXISTS (SELECT FROM predictions o WHERE o.tweet_id = p.tweet_id AND o.label <> p.label)"
_NOT_DRAWN = """
    NOT EXISTS (SELECT FROM audit_sample a WHERE a.tweet_id = p.tweet_id AND a.model_version = p.model_version)
"""


def _uncertain(predictions: str) -> TextClause:
    return text(
        f"""
        SELECT tweet_id, model_version, 'uncertain' AS kind FROM ({predictions}) p
        WHERE confidence < :uncertain_below AND NOT {_DISPUTED} AND {_NOT_DRAWN} AND {_FREE}
        ORDER BY confidence, tweet_id LIMIT {CANDIDATES}
        """
    )


UNCERTAIN = _uncertain(_NEWEST)
# ordered independently of the text, since the shadow comparison uses these labels. UNCERTAIN leaves them out
DISAGREEMENT = text(
    f"""
    SELECT p.tweet_id, p.model_version, 'disagreement' AS kind FROM ({_NEWEST}) p
    WHERE {_DISPUTED} AND {_NOT_DRAWN} AND {_FREE}
    ORDER BY hashint8extended(p.tweet_id, 1), p.tweet_id LIMIT {CANDIDATES}
    """
)
SECOND = text(
    f"""
    SELECT k.tweet_id, k.model_version, 'second' AS kind, k.pick_id AS first_pick FROM label_picks k
    WHERE k.wants_second AND k.state = 'labelled' AND k.person <> :person
      AND NOT EXISTS (SELECT FROM label_picks s WHERE s.first_pick = k.pick_id AND s.state IN ('open', 'labelled'))
      AND NOT EXISTS (SELECT FROM label_picks s WHERE s.tweet_id = k.tweet_id AND s.person = :person)
    ORDER BY k.finished_at DESC LIMIT {CANDIDATES}
    """
)
QUERIES = {"audit": AUDIT, "uncertain": UNCERTAIN, "disagreement": DISAGREEMENT, "second": SECOND}
CHOSEN = _uncertain(_CHOSEN)


def candidates(connection: Connection, kind: str, where: Mapping[str, Any]) -> list[Candidate]:
    """The next candidates of this kind; `where` has person, api_texts, newest and uncertain_below."""
    return [Candidate(**row) for row in connection.execute(QUERIES[kind], dict(where)).mappings()]


def chosen_candidates(connection: Connection, where: Mapping[str, Any], scope: LabelScope) -> list[Candidate]:
    """Uncertain predictions in the scope; nobody chooses what is drawn at random or decides a comparison."""
    values = {**where, "airline": scope.airline, "since": scope.since, "until": scope.until}
    return [Candidate(**row) for row in connection.execute(CHOSEN, values).mappings()]


def audit_share_used(connection: Connection, person: str, *, since: datetime, share: float, free: int) -> bool:
    """Whether the person has labelled this share of the audit rows that are unlabelled or were labelled since then.

    A tweet that the person has open counts as labelled. The first `free` labels are not limited. Counts stop at
    100,000.
    """
    row = connection.execute(
        text(
            "SELECT (SELECT count(*) FROM (SELECT FROM label_picks WHERE person = :person AND finished_at >= :since "
            "AND kind = 'audit' AND state = 'labelled' LIMIT 100000) m) "
            "+ (SELECT count(*) FROM label_picks WHERE person = :person AND state = 'open' AND kind = 'audit') AS own, "
            "(SELECT count(*) FROM (SELECT FROM audit_sample WHERE labelled_at IS NULL LIMIT 100000) w) AS waiting, "
            "(SELECT count(*) FROM (SELECT FROM label_picks WHERE finished_at >= :since AND kind = 'audit' "
            "AND state = 'labelled' LIMIT 100000) d) AS labelled"
        ),
        {"person": person, "since": since},
    ).one()
    return bool(row.own >= free and row.own >= share * (row.waiting + row.labelled))
