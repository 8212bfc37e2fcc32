"""Quality of a path: which model served each block, and how well. Blocks count alike, or each tweet does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sentiment_lib.replay.cube import Cube
from sentiment_lib.statistics.metrics import Floats, compute_metric

#: Metrics that are reported, the first one in the sentence and the picture.
METRICS = ("accuracy", "negative_f1", "macro_f1")


@dataclass(frozen=True, kw_only=True)
class PathQuality:
    """Shares from 0 to 1."""

    #: metric -> mean over served blocks
    by_block: dict[str, float]
    #: metric -> of the pooled confusion matrices, so that every tweet counts alike
    by_tweet: dict[str, float]


def quality_matrix(cube: Cube, metric: str = "accuracy") -> Floats:
    """Metric (models, blocks) of each model on each later block; nan where a model cannot serve."""
    rows = cube.confusions.sum(axis=(2, 3))
    # a block without rows would divide by zero
    filled = np.where((rows > 0)[..., None, None], cube.confusions, 1)
    return np.where(rows > 0, compute_metric(filled, metric), np.nan)


def error_counts(cube: Cube) -> Floats:
    """Wrong predictions (models, blocks); nan where a model cannot serve."""
    rows = cube.confusions.sum(axis=(2, 3))
    wrong = rows - np.trace(cube.confusions, axis1=2, axis2=3)
    return np.where(rows > 0, wrong.astype(np.float64), np.nan)


def path_quality(cube: Cube, serving: Sequence[int]) -> PathQuality:
    """Quality when model serving[k] serves the k-th served block."""
    counts = np.stack([cube.confusions[model, block] for model, block in zip(serving, cube.served, strict=True)])
    pooled = counts.sum(axis=0)
    return PathQuality(
        by_block={name: float(compute_metric(counts, name).mean()) for name in METRICS},
        by_tweet={name: float(compute_metric(pooled, name)) for name in METRICS},
    )


def block_values(matrix: Floats, served: range, serving: Sequence[int]) -> Floats:
    """Values (k,) of a quality matrix along a path."""
    return np.array([matrix[model, block] for model, block in zip(serving, served, strict=True)])


def serving_path(start: int, served: range, trainings: Sequence[int]) -> tuple[int, ...]:
    """The model that serves each block when every training is promoted at once; the first one is that of `start`."""
    path, current, due = [], start, set(trainings)
    for block in served:
        current = block - 1 if block - 1 in due else current
        path.append(current)
    return tuple(path)
