"""Candidate and champion of a decision on the new tweets that both scored since it was made."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Connection

from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.evaluation.shadow_comparison import UNKNOWN, ShadowComparison, compare_in_shadow
from sentiment_lib.records import LABEL_CODES, DecisionRecord
from sentiment_lib.storage import model_versions, shadow

#: Maximum number of compared tweets, the newest.
MAXIMUM_TWEETS = 20_000


def run(connection: Connection, decision: DecisionRecord) -> ShadowComparison | None:
    """The shadow comparison of the decision's two versions; None while there is no tweet that both scored since.

    Raises BadInput when the evidence cannot be parsed.
    """
    evidence = Evidence.from_json(decision.evidence)
    champion, candidate = decision.champion_version, decision.candidate_version
    serving = model_versions.champion(connection)
    promoted = serving is not None and serving.version == candidate
    # the version that does not serve scores only a share of the tweets
    scarce, served = (champion, candidate) if promoted else (candidate, champion)
    rows = shadow.paired_predictions(connection, scarce, served, since=decision.decided_at, rows=MAXIMUM_TWEETS)
    if not rows:
        return None
    labels = np.array([LABEL_CODES.get(row[0], UNKNOWN) for row in rows])
    of_scarce, of_served = np.array([row[1:4] for row in rows]), np.array([row[4:7] for row in rows])
    return compare_in_shadow(
        labels,
        of_scarce if promoted else of_served,
        of_served if promoted else of_scarce,
        reference=evidence.champion_confusion,
        metric=evidence.metric,
    )
