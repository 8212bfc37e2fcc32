"""Pairs of models as 27 cell probabilities, with exact differences of the metrics that are named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from sentiment_lib.statistics import paired_counts

#: Class shares of the stream, and the champion's predictions by true class.
SHARES = np.array([0.6, 0.22, 0.18])
CHAMPION = np.array([[0.88, 0.08, 0.04], [0.33, 0.57, 0.10], [0.20, 0.14, 0.66]])
#: Share of a cell's rows that may move at most.
MOST_MOVED = 0.9
#: Largest miss of a wanted difference.
TOLERANCE = 2e-4

Cells = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What a candidate is, compared with the champion."""

    #: share of texts on which the two differ
    differ: float
    #: metric -> candidate minus champion
    gains: Mapping[str, float]

    def cells(self) -> Cells:
        """Probabilities (3, 3, 3): true label, champion, candidate; differing rows lie where the champion errs.

        Raises ValueError where so few rows cannot make these differences.
        """
        base = SHARES[:, None] * CHAMPION
        moved = np.array([(y, a, b) for y in range(3) for a in range(3) for b in range(3) if a != b])
        usual = np.array([min(base[y, a], base[y, b]) for y, a, b in moved])
        usual *= self.differ / usual.sum()

        def cube(shares: Cells) -> Cells:
            found = np.zeros((3, 3, 3))
            found[tuple(moved.T)] = shares
            for y in range(3):
                for a in range(3):
                    found[y, a, a] = base[y, a] - found[y, a].sum()
            return found

        def gap(metric: str, gain: float):
            return lambda shares: 10 * (float(paired_counts.difference(cube(shares), metric)) - gain)

        found = minimize(
            lambda shares: 10 * ((shares - usual) ** 2 / usual).sum(),
            usual,
            method="SLSQP",
            bounds=[(0, MOST_MOVED * base[y, a]) for y, a, _ in moved],
            constraints=[
                {"type": "eq", "fun": lambda shares: 10 * (shares.sum() - self.differ)},
                *({"type": "eq", "fun": gap(metric, gain)} for metric, gain in self.gains.items()),
            ],
            options={"maxiter": 1000, "ftol": 1e-10},
        )
        cells = np.clip(cube(found.x), 0, None)
        missed = max(abs(float(paired_counts.difference(cells, name)) - gain) for name, gain in self.gains.items())
        if missed > TOLERANCE:
            raise ValueError(f"{self.gains} on {self.differ:.0%} of the rows cannot be")
        return np.asarray(cells / cells.sum())


@dataclass(frozen=True)
class Stream:
    """Texts of one life: true label and champion's prediction (n,), and how a candidate answers given both."""

    texts: NDArray[np.int64]
    answers: Cells

    @classmethod
    def draw(cls, cells: Cells, rows: int, rng: np.random.Generator) -> Stream:
        """Independent texts."""
        by_text = cells.reshape(9, 3)
        share = by_text.sum(axis=1)
        return cls(rng.choice(9, size=rows, p=share / share.sum()), by_text / share[:, None])

    def candidate(self, rows: slice, rng: np.random.Generator) -> tuple[NDArray[np.int64], ...]:
        """Labels, champion's and a new candidate's predictions of these rows."""
        texts = self.texts[rows]
        drawn = rng.random(texts.size)[:, None] > self.answers[texts].cumsum(axis=1)
        return texts // 3, texts % 3, drawn.sum(axis=1).clip(0, 2)
