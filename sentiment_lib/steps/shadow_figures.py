"""What shadow scoring says of a decision: both models on the new tweets that came in since."""

from __future__ import annotations

import json

import numpy as np
from sqlalchemy import Connection

from sentiment_lib.evaluation.beside import UNKNOWN, Beside, beside
from sentiment_lib.evaluation.pairs import confusions
from sentiment_lib.records import LABELS
from sentiment_lib.storage import decisions, shadow

#: Newest tweets that are looked at.
MOST = 20_000
_CODE = {str(label): number for number, label in enumerate(LABELS)}


def run(connection: Connection, decision_id: int) -> Beside | None:
    """Figures of the decision's two versions; None while there is no tweet that both scored since."""
    known = decisions.whole(connection, decision_id)
    evidence = json.loads(known["evidence"])
    versions = {"champion": known["champion_version"], "candidate": known["candidate_version"]}
    rows = shadow.side_by_side(connection, **versions, since=known["decided_at"], rows=MOST)
    if not rows:
        return None
    table = np.array([(*row[1:7], _CODE.get(row[0], UNKNOWN)) for row in rows])
    champion_on_holdout, _ = confusions(np.array(evidence["comparison"]["cells"]))
    return beside(
        table[:, 6].astype(int),
        table[:, :3],
        table[:, 3:6],
        reference=champion_on_holdout,
        metric=evidence["comparison"]["main"]["metric"],
    )
