"""Three plots of a model on its holdout: confusion matrix, calibration curve, precision-recall curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import MissingExtra
from sentiment_lib.records import LABELS
from sentiment_lib.statistics.metrics import confusion_matrix


def draw(labels: NDArray[np.int64], proba: NDArray[np.float64], folder: Path) -> list[Path]:
    """Write confusion.png, calibration.png and precision_recall.png; labels (n,) in 0..2, proba (n, 3).

    Raises MissingExtra without matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra(what="Plots of a training", package="matplotlib", extra="mlflow") from error
    paths = []
    for name, plot in (("confusion", _confusion), ("calibration", _calibration), ("precision_recall", _curves)):
        figure = Figure(figsize=(5, 4), layout="constrained")
        plot(figure.subplots(), labels, proba)
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=110)
        paths.append(path)
    return paths


def _confusion(axes: Any, labels: NDArray[np.int64], proba: NDArray[np.float64]) -> None:
    counts = confusion_matrix(labels, proba.argmax(axis=1))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        axes.text(column, row, str(count), ha="center", color="white" if shares[row, column] > 0.5 else "black")
    axes.set_xticks(range(3), [str(label) for label in LABELS])
    axes.set_yticks(range(3), [str(label) for label in LABELS])
    axes.set(xlabel="predicted", ylabel="label", title="Confusion")


def _calibration(axes: Any, labels: NDArray[np.int64], proba: NDArray[np.float64]) -> None:
    confidence, right = proba.max(axis=1), proba.argmax(axis=1) == labels
    bins = np.minimum((confidence * 10).astype(int), 9)
    points = [(confidence[bins == b].mean(), right[bins == b].mean()) for b in range(10) if (bins == b).any()]
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey")
    axes.plot(*zip(*points, strict=True), marker="o")
    axes.set(xlabel="confidence", ylabel="share that was right", title="Calibration", xlim=(0, 1), ylim=(0, 1))


def _curves(axes: Any, labels: NDArray[np.int64], proba: NDArray[np.float64]) -> None:
    from sklearn.metrics import precision_recall_curve

    for number, label in enumerate(LABELS):
        if (labels == number).any():
            precision, recall, _ = precision_recall_curve(labels == number, proba[:, number])
            axes.plot(recall, precision, label=str(label))
    axes.set(xlabel="recall", ylabel="precision", title="Precision and recall", xlim=(0, 1), ylim=(0, 1))
    axes.legend()
