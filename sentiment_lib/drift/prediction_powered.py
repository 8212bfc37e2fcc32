"""Quality from a labelled sample and all predictions together: prediction-powered inference.

Angelopoulos et al. 2023 (Science 382; PPI++ for the power tuning), Zrnic and Candes 2024 (PNAS) for the cross-fitting.
The probabilities guess the confusion of every row, and the labelled rows, weighted by one over the chance with which
they were drawn, say by how much such guesses are wrong. Valid whatever the probabilities are worth; with useless ones
it is the weighted sample alone, with good ones its interval is narrower.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sentiment_lib.drift.performance_estimation import CLASSES, Estimate, Floats, Ints, calibrator, macro_f1

#: How far the guesses are followed; the share with the least variance is taken (0: the weighted sample alone).
POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)


def powered(
    labels: Ints,
    proba: Floats,
    inclusion: Floats,
    everything: Floats,
    *,
    figure: Callable[[Floats], float] = macro_f1,
    rounds: int = 400,
    seed: int = 0,
) -> Estimate:
    """A figure of the confusion over all rows, with its 95 % bootstrap interval.

    `labels` (n,), `proba` (n, 3) and `inclusion` (n,) are of the labelled rows; `everything` (N, 3) are
    probabilities of all rows, or of a fair draw of them. `figure` takes a (true, predicted) matrix of shares: macro-F1,
    or `accuracy`.
    """
    random = np.random.default_rng(seed)
    guessed_labelled, guessed_all = _guesses(labels, proba, everything, random)
    true = _cells(np.eye(CLASSES)[labels], proba)
    weights = 1 / inclusion
    n, mean = len(labels), guessed_all.mean(axis=0)
    times = random.multinomial(n, np.full(n, 1 / n), size=rounds) * weights
    times = np.vstack([weights, times])
    times = times / np.maximum(times.sum(axis=1, keepdims=True), 1e-12)
    # a mean of thousands of rows is normal: no need to draw the rows themselves again
    spread = np.cov(guessed_all, rowvar=False) / len(everything)
    mean_all = np.vstack([mean, random.multivariate_normal(mean, spread, size=rounds, method="eigh")])
    sampled, correction = times @ true, mean_all - times @ guessed_labelled
    found = {
        power: np.array([figure(one.reshape(CLASSES, CLASSES)) for one in sampled + power * correction])
        for power in POWERS
    }
    best = min(POWERS, key=lambda power: float(found[power][1:].var()))
    low, high = np.quantile(found[best][1:], [0.025, 0.975])
    return Estimate(value=float(found[best][0]), low=float(low), high=float(high), rows=n)


def accuracy(confusion: Floats) -> float:
    """Share of the diagonal of a (true, predicted) matrix."""
    return float(np.trace(confusion) / confusion.sum())


def _guesses(labels: Ints, proba: Floats, everything: Floats, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Guessed cells (n, 9) and (N, 9) of the labelled and of all rows, from calibrations that never saw the label."""
    fold = random.permutation(len(labels)) % 2
    fitted = [calibrator(labels[fold != part], proba[fold != part]) for part in (0, 1)]
    own, shared = proba.copy(), np.zeros_like(everything)
    for part, one in enumerate(fitted):
        own[fold == part] = one.apply(proba[fold == part]) if one else proba[fold == part]
        shared += (one.apply(everything) if one else everything) / 2
    return _cells(own, proba), _cells(shared, everything)


def _cells(chances: Floats, proba: Floats) -> Floats:
    """(n, 9): each row's chances of the true class (n, 3) in the column of the predicted one."""
    predicted = np.eye(CLASSES)[proba.argmax(axis=1)]
    return np.asarray((chances[:, :, None] * predicted[:, None, :]).reshape(len(proba), CLASSES * CLASSES))
