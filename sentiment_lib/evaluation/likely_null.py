"""The likeliest distribution of rows under which the candidate loses exactly a margin, given the rows that were seen.

Swapping the two models supposes that gains and losses come in the same kinds of rows. A candidate that drops many false
alarms for a few hits of a rare class is no better, and a small sample may hold none of the lost hits. The restricted
maximum likelihood estimate over all 27 cells gives rows to such a cell where that is the likeliest explanation, also
when the sample has none in it: the null of a score test (Aitchison, Silvey 1958, Annals of Mathematical Statistics 29;
Owen 2001, "Empirical Likelihood", section 2.4; for pairs: Tango 1998, Statistics in Medicine 17).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from sentiment_lib.evaluation.metric_influence import gain_tensor, metric_gradient
from sentiment_lib.statistics import paired_counts
from sentiment_lib.statistics.metrics import Floats, Ints

#: Share of the costliest cell's gain: the means of the null lie between this and the observed one.
_COSTLIEST = 0.999


def likely_counts(counts: Ints, metric: str, margin: float) -> Floats | None:
    """Expected counts (3, 3, 3) of the null for counts (3, 3, 3); margin: loss, 0 and above.

    None where the observed difference is such a loss already, or no distribution of rows has one.
    """
    gains = gain_tensor(metric_gradient(counts.sum(axis=2), metric)).reshape(-1)
    flat = counts.reshape(-1).astype(np.float64)

    def excess(mean: float) -> float:
        null = _with_mean(flat, gains, mean).reshape(counts.shape)
        return float(paired_counts.difference(null, metric)) + margin

    lowest, observed = _COSTLIEST * float(gains.min()), float(flat @ gains / flat.sum())
    if gains.min() >= 0 or excess(observed) <= 0 or excess(lowest) >= 0:
        return None
    return _with_mean(flat, gains, float(brentq(excess, lowest, observed))).reshape(counts.shape)


def _with_mean(flat: Floats, gains: Floats, mean: float) -> Floats:
    """The likeliest expected counts (27,) with this mean gain, at most that of the counts (27,).

    Lagrange: n_i / (1 + m (gain_i - mean)), where the multiplier m is as large as the costliest cell allows; what is
    left to the number of rows is in that cell.
    """
    above = gains - mean
    most = -1.0 / float(above.min())

    def missing(multiplier: float) -> float:
        return float((flat * above / (1 + multiplier * above)).sum())

    # just below the pole of the costliest cell
    limit = most * (1 - 1e-12)
    if missing(0.0) <= 0:
        return flat
    multiplier = float(brentq(missing, 0.0, limit)) if missing(limit) < 0 else limit
    null = flat / (1 + multiplier * above)
    null[int(above.argmin())] += max(flat.sum() - null.sum(), 0.0)
    return np.asarray(null)
