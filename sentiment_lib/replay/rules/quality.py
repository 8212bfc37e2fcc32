"""Quality of the champion: estimated without labels, or tested on the labels of the audit sample."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from sentiment_lib.drift.performance_estimation import estimate_without_labels
from sentiment_lib.evaluation.accuracy_decline import PromisedAccuracy, detect_decline
from sentiment_lib.replay.rules.base import Reads, Rule
from sentiment_lib.replay.view import UNKNOWN, View
from sentiment_lib.statistics.matrix_scaling import fit_matrix_scaling
from sentiment_lib.statistics.metrics import macro_f1


class EstimateFall(Rule):
    """Macro-F1 as the champion's calibrated probabilities let expect it has fallen since its holdout.

    Garg et al. 2022; NannyML calls it CBPE. Blind to a change of what a text means.
    """

    kind: Literal["estimate_fall"]
    drop: float = Field(0.03, gt=0, lt=1)

    def wants(self, view: View) -> str | None:
        """Both estimates."""
        before, now = view.stored(("estimate",), lambda: self._estimate(view))
        fell = before - now >= self.drop
        return f"estimated macro-F1 {100 * now:.1f}, and {100 * before:.1f} on the holdout" if fell else None

    @staticmethod
    def _estimate(view: View) -> tuple[float, float]:
        holdout = view.champion.holdout
        proba = view.proba(holdout)
        calibration = fit_matrix_scaling(view.label[holdout], proba)
        current = np.arange(view.block.start, view.block.end)
        before, now = (
            estimate_without_labels(rows, calibration, rounds=2).value for rows in (proba, view.proba(current))
        )
        return before, now


class Decline(Rule):
    """The platform's sequential test of audit labels since the promotion or the last training."""

    kind: Literal["decline"]
    drop: float = Field(0.03, gt=0, lt=1)
    run_length: float = Field(10_000, ge=100)
    reads: ClassVar[Reads] = "audit"

    def wants(self, view: View) -> str | None:
        """The accuracy measured and promised."""
        blocks = view.blocks[max(view.trainings[-1], view.champion.model) + 1 :]
        rows = [view.rows(block, audited=True) for block in blocks]
        labelled = np.concatenate(rows) if rows else np.empty(0, dtype=np.int64)
        if not labelled.size:
            return None
        holdout = view.champion.holdout
        right = int((view.proba(holdout).argmax(axis=1) == view.label[holdout]).sum())
        promised = PromisedAccuracy(right=right, rows=len(holdout))
        wrong = view.proba(labelled).argmax(axis=1) != view.label[labelled]
        found = detect_decline(
            wrong.tolist(),
            np.full(labelled.size, view.inclusion).tolist(),
            promised=promised,
            drop=self.drop,
            run_length=self.run_length,
        )
        if found.crossed_after is None or found.measured is None:
            return None
        measured = f"accuracy {100 * found.measured:.1f} on {found.labels} audit labels"
        return f"{measured}, {100 * promised.value:.1f} promised"


class MeasuredFall(Rule):
    """Macro-F1 on the labels of the last block has fallen since the holdout: a window, as most platforms test it."""

    kind: Literal["measured_fall"]
    drop: float = Field(0.03, gt=0, lt=1)
    fewest: int = Field(50, ge=10, description="labels of the block")
    reads: ClassVar[Reads] = "audit"

    def wants(self, view: View) -> str | None:
        """Both figures."""
        rows, holdout = view.rows(view.block, audited=True), view.champion.holdout
        if rows.size < self.fewest:
            return None
        before, now = (macro_f1(view.label[some], view.proba(some).argmax(axis=1)) for some in (holdout, rows))
        return f"macro-F1 {100 * now:.1f}, and {100 * before:.1f} on the holdout" if before - now >= self.drop else None


def error_of(view: View, rows: np.ndarray) -> float:
    """Share of wrong predictions of the champion on rows with a known label."""
    assert (view.label[rows] != UNKNOWN).all()
    return float((view.proba(rows).argmax(axis=1) != view.label[rows]).mean())
