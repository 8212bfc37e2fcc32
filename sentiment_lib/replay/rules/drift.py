"""Drift of the tweets or of the champion's predictions: ours, Evidently's preset, and a classifier two-sample test."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field
from scipy.stats import norm

from sentiment_lib.drift import detectors, evidently_report, severity
from sentiment_lib.drift.between_days import PastWindow, collect_histories
from sentiment_lib.drift.signals import compute_signals
from sentiment_lib.policy import DriftPolicy
from sentiment_lib.replay.rules.base import Reads, Rule
from sentiment_lib.replay.rules.windows import signal_table, window_rows
from sentiment_lib.replay.view import View


class Drift(Rule):
    """The platform's drift check of the last block against those before it."""

    kind: Literal["drift"]
    retrain_on: Literal["drift", "loss"] = "loss"
    reads: ClassVar[Reads] = "audit"

    def wants(self, view: View) -> str | None:
        """The signals that drifted, if that requests a retrain."""
        wanting, names = view.stored(("drift", self.retrain_on, view.inclusion, view.draw), lambda: self._check(view))
        return f"drift: {', '.join(names)}" if wanting else None

    def _check(self, view: View) -> tuple[bool, tuple[str, ...]]:
        verdict = _verdict(view)
        if verdict.verdict != "drift":
            return False, ()
        policy = DriftPolicy(retrain_on=self.retrain_on)
        loss = severity.quality_loss(*_windows(view), policy)
        return severity.severity("drift", loss, policy)[1], tuple(signal.signal for signal in verdict.drifted)


def _verdict(view: View) -> detectors.DriftVerdict:
    """The check of the last block; the variation between earlier checks of this champion enters its tests."""

    def check() -> detectors.DriftVerdict:
        past = (_verdict(view.until(block)) for block in view.served_before)
        history = collect_histories(PastWindow(signals=tuple(one.as_dicts())) for one in past)
        return detectors.check_windows(*_windows(view), DriftPolicy(), history=history)

    return view.once(("verdict", view.inclusion, view.draw), check)


def _windows(view: View) -> tuple[pd.DataFrame, pd.DataFrame]:
    reference, current = window_rows(view)
    return signal_table(view, reference), signal_table(view, current)


class Evidently(Rule):
    """Evidently's preset of tests, each with its default threshold, in either reading of "the data set drifts"."""

    kind: Literal["evidently"]
    reading: Literal["any", "half"] = Field(description="columns that must drift: any one, or half of them")

    def wants(self, view: View) -> str | None:
        """How many columns drifted."""
        drifted, columns = view.stored(("evidently",), lambda: self._check(view))
        needed = 1 if self.reading == "any" else math.ceil(columns / 2)
        return f"{drifted} of {columns} columns drift" if columns and drifted >= needed else None

    @staticmethod
    def _check(view: View) -> tuple[int, int]:
        reference, current = window_rows(view)
        if not len(reference):
            return 0, 0
        tables = (compute_signals(signal_table(view, rows).drop(columns="true_label")) for rows in (reference, current))
        return evidently_report.count_drifted(*tables)


class TwoSample(Rule):
    """A classifier learns to tell the last block from those before it; on other rows it must do better than chance.

    Lopez-Paz, Oquab 2017, "Revisiting Classifier Two-Sample Tests", ICLR.
    """

    kind: Literal["two_sample"]
    level: float = Field(0.05, gt=0, lt=0.5)
    floor: float = Field(0.05, ge=0, lt=0.5, description="least accuracy above one half")
    rows: int = Field(2000, ge=50, description="rows of each window, at most")

    def wants(self, view: View) -> str | None:
        """The accuracy above one half."""
        accuracy, held_out = view.stored(("two_sample", self.rows), lambda: self._check(view))
        z = (accuracy - 0.5) / math.sqrt(0.25 / held_out) if held_out else 0.0
        is_drift = z >= norm.isf(self.level) and accuracy - 0.5 >= self.floor
        return f"a classifier tells the windows apart with accuracy {accuracy:.2f}" if is_drift else None

    def _check(self, view: View) -> tuple[float, int]:
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.linear_model import LogisticRegression

        windows = window_rows(view)
        size = min(self.rows, *(len(rows) for rows in windows))
        if size < 50:
            return 0.5, 0
        random = np.random.default_rng([20150220, view.block.number])
        texts, sides = list[str](), list[int]()
        for side, rows in enumerate(windows):
            # a text counts once: a copy on both sides of the split would be recognised
            distinct = list(dict.fromkeys(view.text[row] for row in random.permutation(rows)))[:size]
            texts += distinct
            sides += [side] * len(distinct)
        order = random.permutation(len(texts))
        half = len(order) // 2
        y = np.array(sides)
        matrix = CountVectorizer(binary=True, min_df=2).fit_transform(texts)
        linear = LogisticRegression(C=0.1, class_weight="balanced", max_iter=200)
        fitted = linear.fit(matrix[order[:half]], y[order[:half]])
        right = fitted.predict(matrix[order[half:]]) == y[order[half:]]
        shares = [right[y[order[half:]] == side].mean() for side in (0, 1)]
        return float(np.mean(shares)), len(order) - half
