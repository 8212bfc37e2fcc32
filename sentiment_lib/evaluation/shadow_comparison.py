"""Champion and candidate on new tweets that both scored, of which people labelled some."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sentiment_lib.evaluation.metric_influence import expected_gains, gains, worth
from sentiment_lib.statistics.label_efficient import prediction_powered
from sentiment_lib.statistics.metrics import Floats, Ints

UNKNOWN = -1
#: Labelled differences below which there is no word on the gain.
FEWEST = 10


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Where two models differ on the same tweets, who was right there, and what that makes in points of the metric."""

    tweets: int
    differ: int
    #: of those that differ
    labelled: int
    champion_right: int
    candidate_right: int
    metric: str
    #: candidate minus champion, a share (0.02 is two points), with its bounds at `level`; None with too few labels
    gain: float | None
    low: float | None
    high: float | None
    level: float

    def as_dict(self) -> dict[str, Any]:
        """JSON's own types only."""
        return asdict(self)


def beside(
    labels: Ints, champion: Floats, candidate: Floats, *, reference: Any, metric: str, level: float = 0.05
) -> Beside:
    """Compare on rows (n,) with probabilities (n, 3); labels (n,) are UNKNOWN where nobody said.

    reference: the champion's confusion counts (3, 3) on the holdout of the decision, which say what each mistake
    weighs. A row on which both agree gains nothing whatever its label: only the others have to be labelled, and which
    of them were must not depend on what they say. Prediction-powered, `label_efficient.prediction_powered`.
    """
    old, new = champion.argmax(axis=1), candidate.argmax(axis=1)
    differ, known = old != new, labels != UNKNOWN
    told = differ & known
    gain = low = high = None
    if int(told.sum()) >= FEWEST:
        worths = worth(reference, metric)
        found = prediction_powered(
            np.where(told, gains(np.where(known, labels, 0), old, new, worths), 0.0),
            expected_gains((champion + candidate) / 2, old, new, worths),
            told | ~differ,
            np.where(differ, told.sum() / differ.sum(), 1.0),
            level=level,
            centre=0,
        )
        gain, low, high = found.estimate, found.low, found.high
    return Beside(
        tweets=int(labels.size),
        differ=int(differ.sum()),
        labelled=int(told.sum()),
        champion_right=int((told & (old == labels)).sum()),
        candidate_right=int((told & (new == labels)).sum()),
        metric=metric,
        gain=gain,
        low=low,
        high=high,
        level=level,
    )
