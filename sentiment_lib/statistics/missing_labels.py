"""Sampled rows without a label: the labels that would make a metric best or worst.

Nothing is known about them, so a metric has a range, from its lowest to its highest value over all labels that they
could have (Manski 2003, "Partial Identification of Probability Distributions").
"""

from __future__ import annotations

import numpy as np

from sentiment_lib.statistics.metrics import CLASSES, Floats, Ints
from sentiment_lib.statistics.ratio_intervals import label_cells, metric_of_cells

#: Values of each share that the search for the worst labels tries.
_STEPS = 11


def worst_labels(predicted: Ints, weights: Floats, labelled: Floats, metric: str) -> Ints:
    """Labels (k,) of rows with predictions and weights (k,) under which the metric is lowest.

    labelled: sum (9,) of the weighted cells of the labelled rows. Every row is wrong; how many of those that are
    predicted as one class have which of both other classes is searched, since wrong rows hurt a rare class more.
    """
    shares = np.linspace(0, 1, _STEPS)
    options = np.stack(np.meshgrid(*[shares] * CLASSES, indexing="ij"), axis=-1).reshape(-1, CLASSES)
    total = np.bincount(predicted, weights=weights, minlength=CLASSES)
    cells = np.tile(labelled, (len(options), 1))
    for own in range(CLASSES):
        for step, part in ((1, options[:, own]), (2, 1 - options[:, own])):
            cells[:, (own + step) % CLASSES * CLASSES + own] += part * total[own]
    best = options[int(metric_of_cells(cells, metric).argmin())]
    labels = (predicted + 2) % CLASSES
    for own in range(CLASSES):
        rows = np.flatnonzero(predicted == own)
        first = rows[: round(float(best[own]) * rows.size)]
        labels[first] = (own + 1) % CLASSES
    return labels


def cells_without_label(proba: Floats, weights: Floats, labelled: Floats, metric: str, *, is_right: bool) -> Floats:
    """Cells (k, 9) of unlabelled rows with probabilities (k, 3) if each prediction were right, or at the worst."""
    predicted = proba.argmax(axis=1)
    if is_right:
        return label_cells(predicted, predicted)
    return label_cells(worst_labels(predicted, weights, labelled, metric), predicted)
