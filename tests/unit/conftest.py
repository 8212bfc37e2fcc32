"""Models made of dice: right with a given chance, so that the truth about them is known."""

import numpy as np
import pytest


@pytest.fixture
def dice():
    """dice(rows, *accuracies, seed): labels (n,) and one probability matrix (n, 3) for each accuracy."""

    def roll(rows, *accuracies, seed=0):
        rng = np.random.default_rng(seed)
        labels = rng.choice(3, size=rows, p=[0.6, 0.25, 0.15])
        models = []
        for accuracy in accuracies:
            predicted = np.where(rng.random(rows) < accuracy, labels, rng.integers(0, 3, rows))
            proba = np.full((rows, 3), (1 - accuracy) / 3)
            proba[np.arange(rows), predicted] += accuracy
            models.append(proba)
        return labels, *models

    return roll
