"""Two windows of a view, current and reference, as tables for the detectors of `drift`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sentiment_lib.drift.signals import PROBABILITIES
from sentiment_lib.records import LABELS
from sentiment_lib.replay.view import UNKNOWN, View
from sentiment_lib.statistics.metrics import Ints

#: Blocks before the current one that are the reference, at most.
REFERENCE_BLOCKS = 7


def window_rows(view: View, blocks: int = REFERENCE_BLOCKS) -> tuple[Ints, Ints]:
    """Rows of the reference, which are of blocks before the last one and no training rows, and of the current block.

    A reference within the champion's training rows would compare predictions that it has seen the answers to.
    """
    current = view.block
    earlier = view.blocks[max(0, len(view.blocks) - 1 - blocks) : -1]
    start = max(earlier[0].start if earlier else current.start, view.champion.first)
    return np.arange(min(start, current.start), current.start), np.arange(current.start, current.end)


def signal_table(view: View, rows: Ints, *, audited: bool = True) -> pd.DataFrame:
    """Columns of `drift.signals.compute_signals`; true labels of the audit sample, or of every row that has one."""
    proba = view.proba(rows)
    shown = view.label[rows] != UNKNOWN
    if audited:
        shown &= view.audited[rows]
    names = np.array([str(label) for label in LABELS], dtype=object)
    frame = pd.DataFrame(dict(zip(PROBABILITIES, proba.T, strict=True)))
    frame["text"] = [view.text[row] for row in rows]
    frame["airline"] = [view.airline[row] for row in rows]
    frame["language"] = [view.language[row] for row in rows]
    frame["predicted_label"] = names[proba.argmax(axis=1)]
    frame["true_label"] = pd.Series(names[np.maximum(view.label[rows], 0)]).where(shown, None)
    frame["inclusion"] = view.inclusion if audited else 1.0
    return frame
