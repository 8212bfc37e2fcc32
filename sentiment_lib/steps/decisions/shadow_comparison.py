"""What shadow scoring says of a decision: both models on the new tweets that came in since."""

from __future__ import annotations

import json

import numpy as np
from sqlalchemy import Connection

from sentiment_lib.evaluation.shadow_comparison import UNKNOWN, Beside, beside
from sentiment_lib.records import LABELS
from sentiment_lib.statistics.paired_counts import confusion_matrices
from sentiment_lib.storage import decisions, model_versions, shadow

#: Newest tweets that are looked at.
MOST = 20_000
_CODE = {str(label): number for number, label in enumerate(LABELS)}


def run(connection: Connection, decision_id: int) -> Beside | None:
    """Figures of the decision's two versions; None while there is no tweet that both scored since."""
    known = decisions.whole(connection, decision_id)
    evidence = json.loads(known["evidence"])
    champion, candidate = known["champion_version"], known["candidate_version"]
    serving = model_versions.champion(connection)
    promoted = serving is not None and serving.version == candidate
    # the one that does not serve scores but a share of the tweets
    one, other = (champion, candidate) if promoted else (candidate, champion)
    rows = shadow.paired_predictions(connection, one, other, since=known["decided_at"], rows=MOST)
    if not rows:
        return None
    labels = np.array([_CODE.get(row[0], UNKNOWN) for row in rows])
    first, second = np.array([row[1:4] for row in rows]), np.array([row[4:7] for row in rows])
    champion_on_holdout, _ = confusion_matrices(np.array(evidence["comparison"]["cells"]))
    return beside(
        labels,
        first if promoted else second,
        second if promoted else first,
        reference=champion_on_holdout,
        metric=evidence["comparison"]["main"]["metric"],
    )
