"""Whether a smaller graph answers as the network that it was made from, told on labelled tweets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.families.base import Probabilities
from sentiment_lib.records import LABELS

#: Newest later rows that are looked at, at most.
ROWS = 1000
#: Least share of the rows on which both must give the same label.
SAME = 0.97
#: Most macro-F1 that may be lost, and the rows without which there is no word on it.
LOST, JUDGED = 0.005, 300
#: Draws behind the standard error.
DRAWS = 500


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How far a graph is from its network. What is lost, and its standard error, are None on fewer than JUDGED rows."""

    rows: int
    same_labels: float
    macro_f1_lost: float | None
    standard_error: float | None

    @property
    def holds(self) -> bool:
        """Whether the labels are the same on at least SAME of the rows, and no more than LOST is lost beyond luck.

        Beyond luck: by more than one standard error. Two graphs of the same worth that differ on 1 % of the labels are
        more than half a point of macro-F1 apart by luck in one case of ten on 1,000 rows, and of five on 300
        (simulated): a bound on the bare figure would draw lots between int8 and several times its time. This one lets
        such a pair pass in 97 cases of a hundred, and the gate judges what is served once more.
        """
        if self.same_labels < SAME:
            return False
        return self.macro_f1_lost is None or self.macro_f1_lost - (self.standard_error or 0.0) <= LOST

    @property
    def notes(self) -> dict[str, Any]:
        """What a model's notes say of it."""
        return {
            "int8_rows": self.rows,
            "int8_same_labels": round(self.same_labels, 4),
            "int8_macro_f1_lost": None if self.macro_f1_lost is None else round(self.macro_f1_lost, 4),
            "int8_standard_error": None if self.standard_error is None else round(self.standard_error, 4),
        }


def compared(network: Probabilities, graph: Probabilities, truth: NDArray[np.int64]) -> Parity:
    """Scores (n, 3) of network and graph for the same rows, and the rows' labels (n,), places in LABELS."""
    one, other = network.argmax(axis=1), graph.argmax(axis=1)
    lost = error = None
    if len(truth) >= JUDGED:
        size = len(LABELS)
        cells = np.bincount((truth * size + one) * size + other, minlength=size**3)
        # paired: rows are drawn again with both of their answers
        drawn = np.random.default_rng(0).multinomial(len(truth), cells / len(truth), size=DRAWS)
        lost, error = float(_lost(cells)), float(_lost(drawn).std(ddof=1))
    same = float((one == other).mean())
    return Parity(rows=len(truth), same_labels=same, macro_f1_lost=lost, standard_error=error)


def _lost(cells: NDArray[np.int64]) -> NDArray[np.float64]:
    """Macro-F1 of the network less that of the graph, from counts (…, 27) by truth, network's and graph's label."""
    counts = cells.reshape(*cells.shape[:-1], *(len(LABELS),) * 3)
    return np.asarray(_macro_f1(counts.sum(axis=-1)) - _macro_f1(counts.sum(axis=-2)))


def _macro_f1(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of counts (…, 3, 3) by truth and answer."""
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    named = counts.sum(axis=-1) + counts.sum(axis=-2)
    return np.asarray((2 * right / np.maximum(named, 1)).mean(axis=-1))
