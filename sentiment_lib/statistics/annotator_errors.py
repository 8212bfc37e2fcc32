"""Error rates of the people who label, from tweets that two of them labelled, and what they do to a metric.

Two people err independently given the true class, and confuse two classes equally often in either direction: a latent
class model that pairs of answers identify (Dawid, Skene 1979, "Maximum likelihood estimation of observer error-rates
using the EM algorithm", Applied Statistics 28 (1); identification: Hui, Walter 1980, Biometrics 36 (1)). The labels'
confusion matrix is corrected by the inverse of the error matrix (Rogan, Gladen 1978, American Journal of Epidemiology
107 (1)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sentiment_lib.statistics.metrics import CLASSES, Floats

#: Fewer doubly labelled tweets than this do not fix three error rates.
MIN_PAIRS = 50
#: Largest share of wrong answers that is supposed while there are fewer pairs.
SUPPOSED_ERROR = 0.1
#: Draws of the error matrix, for its uncertainty, and pseudo-pairs of each kind of answer in them.
DRAWS, PSEUDO_PAIRS = 400, 1 / 6
_CONFUSED = ((0, 1), (0, 2), (1, 2))


@dataclass(frozen=True)
class AnnotatorErrors:
    """Probability of each given label (columns) for each true class (rows), (3, 3); and draws of it, (d, 3, 3)."""

    rates: Floats
    draws: Floats

    @property
    def share(self) -> float:
        """Mean share of wrong answers over the classes."""
        return float(1 - np.trace(self.rates) / CLASSES)

    def correction(self) -> Floats:
        """Matrix (3, 3) from the shares of given labels to those of true classes."""
        return np.asarray(np.linalg.inv(self.rates.T))

    def possible_cells(self, cells: Floats) -> Floats:
        """Mean cells (9,) by true class, as they would be under each draw of the rates: (d, 9)."""
        given = self.rates.T @ cells.reshape(CLASSES, CLASSES)
        return np.asarray((np.linalg.inv(self.draws.transpose(0, 2, 1)) @ given).reshape(-1, cells.size))


def fit_annotator_errors(pairs: ArrayLike, *, seed: int = 0) -> AnnotatorErrors | None:
    """Error rates from the counts (3, 3) of pairs of labels; None with fewer than MIN_PAIRS pairs."""
    table = np.asarray(pairs, dtype=np.float64)
    if table.sum() < MIN_PAIRS:
        return None
    random = np.random.default_rng(seed)
    both = (table + table.T) / 2
    # six kinds of answers: three agreements, three confusions
    kinds = np.concatenate([np.diag(both), [2 * both[a, b] for a, b in _CONFUSED]])
    drawn = random.standard_gamma(np.broadcast_to(kinds + PSEUDO_PAIRS, (DRAWS, kinds.size)))
    rates = _solve(np.vstack([kinds, drawn]))
    return AnnotatorErrors(rates=rates[0], draws=rates[1:])


def supposed_errors(share: float) -> AnnotatorErrors:
    """Errors of this share that fall on both other classes alike, without uncertainty: for a sensitivity analysis."""
    rates = np.full((CLASSES, CLASSES), share / (CLASSES - 1))
    np.fill_diagonal(rates, 1 - share)
    return AnnotatorErrors(rates=rates, draws=np.empty((0, CLASSES, CLASSES)))


def _solve(kinds: Floats, rounds: int = 40) -> Floats:
    """Error matrices (d, 3, 3) whose expected pairs are the given ones (d, 6), by multiplicative updates."""
    shares = kinds / kinds.sum(axis=1, keepdims=True)
    given = shares[:, :CLASSES].copy()
    for index, (a, b) in enumerate(_CONFUSED):
        given[:, a] += shares[:, CLASSES + index] / 2
        given[:, b] += shares[:, CLASSES + index] / 2
    error = np.stack(
        [
            shares[:, CLASSES + i] / np.maximum(2 * (given[:, a] + given[:, b]), 1e-9)
            for i, (a, b) in enumerate(_CONFUSED)
        ],
        axis=1,
    )
    for _ in range(rounds):
        rates = _matrices(error)
        prior = np.clip(np.linalg.solve(rates.transpose(0, 2, 1), given[:, :, None])[:, :, 0], 0, None)
        prior /= prior.sum(axis=1, keepdims=True)
        for index, (a, b) in enumerate(_CONFUSED):
            expected = 2 * (prior * rates[:, :, a] * rates[:, :, b]).sum(axis=1)
            ratio = shares[:, CLASSES + index] / np.maximum(expected, 1e-12)
            error[:, index] = np.clip(error[:, index] * np.clip(ratio, 0.2, 5), 0, 0.3)
    return _matrices(error)


def _matrices(error: Floats) -> Floats:
    rates = np.zeros((len(error), CLASSES, CLASSES))
    for index, (a, b) in enumerate(_CONFUSED):
        rates[:, a, b] = rates[:, b, a] = error[:, index]
    for label in range(CLASSES):
        rates[:, label, label] = 1 - rates[:, label].sum(axis=1)
    return rates
