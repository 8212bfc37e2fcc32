"""Parity of a quantised graph with its network, on labelled held-out tweets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.families.base import Probabilities
from sentiment_lib.records import LABELS
from sentiment_lib.statistics.metrics import compute_metric

#: Most held-out rows, the newest ones, that are compared.
MAX_ROWS = 1000
#: Least share of the rows on which both predict the same label.
MIN_SAME = 0.97
#: Largest loss of macro-F1, and the fewest rows to measure it on.
MAX_LOSS, MIN_ROWS = 0.005, 300
#: Bootstrap samples behind the standard error.
SAMPLES = 500


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How far a graph is from its network; loss and standard error are None on fewer than MIN_ROWS rows."""

    rows: int
    same_labels: float
    macro_f1_lost: float | None
    standard_error: float | None

    @property
    def holds(self) -> bool:
        """Whether at least MIN_SAME of the labels agree and the loss, less one standard error, is at most MAX_LOSS.

        Two graphs of the same quality that differ on 1 % of the labels are more than half a point of macro-F1 apart by
        chance in 10 % of cases on 1,000 rows, and in 50 % on 300 (simulated): a bound on the bare loss would choose
        between int8 and several times its latency by lot. With the standard error such a pair passes in 97 % of cases,
        and the gate judges the served model anyway.
        """
        if self.same_labels < MIN_SAME:
            return False
        return self.macro_f1_lost is None or self.macro_f1_lost - (self.standard_error or 0.0) <= MAX_LOSS

    @property
    def notes(self) -> dict[str, Any]:
        """The figures for a model's notes."""
        return {
            "int8_rows": self.rows,
            "int8_same_labels": round(self.same_labels, 4),
            "int8_macro_f1_lost": None if self.macro_f1_lost is None else round(self.macro_f1_lost, 4),
            "int8_standard_error": None if self.standard_error is None else round(self.standard_error, 4),
        }


def compare(network: Probabilities, graph: Probabilities, truth: NDArray[np.int64]) -> Parity:
    """Parity of the graph's scores (n, 3) with the network's, for rows with labels `truth` (n,)."""
    network_labels, graph_labels = network.argmax(axis=1), graph.argmax(axis=1)
    loss = error = None
    if len(truth) >= MIN_ROWS:
        size = len(LABELS)
        cells = np.bincount((truth * size + network_labels) * size + graph_labels, minlength=size**3)
        # a paired bootstrap: rows are resampled with both of their predictions
        samples = np.random.default_rng(0).multinomial(len(truth), cells / len(truth), size=SAMPLES)
        loss, error = float(_macro_f1_loss(cells)), float(_macro_f1_loss(samples).std(ddof=1))
    same = float((network_labels == graph_labels).mean())
    return Parity(rows=len(truth), same_labels=same, macro_f1_lost=loss, standard_error=error)


def _macro_f1_loss(cells: NDArray[np.int64]) -> NDArray[np.float64]:
    """The network's macro-F1 less the graph's, from counts (..., 27) by truth, network's and graph's label."""
    counts = cells.reshape(*cells.shape[:-1], *(len(LABELS),) * 3)
    return compute_metric(counts.sum(axis=-1), "macro_f1") - compute_metric(counts.sum(axis=-2), "macro_f1")
