"""Facts for the model card: rows and cost of a new version, and later its metrics on the holdout with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.evaluation.slices import document_frequencies, slice_masks
from sentiment_lib.families.base import Model
from sentiment_lib.records import LABEL_CODES, LABELS, SyntheticRows
from sentiment_lib.registry.model_card import Facts, HoldoutQuality
from sentiment_lib.statistics.metric_estimates import metrics_with_intervals
from sentiment_lib.text.normalise import NORMALISER_VERSION
from sentiment_lib.training_record import TrainingRecord

#: Minimum number of rows of a slice; intervals of smaller ones are too wide.
MINIMUM_ROWS = 50


def card_facts(
    model: Model,
    digest: str,
    training: TrainingRecord,
    cost: Cost,
    frame: pd.DataFrame | None,
    synthetic: SyntheticRows,
) -> Facts:
    """Facts for `model_card.card`, without metrics on the holdout: they wait for the look of `evaluate`."""
    measured: dict[str, Any] = {}
    if frame is not None:
        measured["parts"] = {part: _part(rows) for part, rows in frame.groupby("part", sort=False)}
        measured["sources"] = {str(name): int(rows) for name, rows in frame["label_source"].value_counts().items()}
    return Facts(
        family=model.family,
        digest=digest,
        training=training,
        normaliser=NORMALISER_VERSION,
        notes=getattr(model, "notes", {}),
        cost=cost,
        synthetic=synthetic,
        **measured,
    )


def holdout_quality(frame: pd.DataFrame, proba: NDArray[np.float64]) -> HoldoutQuality:
    """Metrics on the holdout rows of `frame`, and on its slices; `proba` (n, 3) are the model's probabilities."""
    held = frame[frame["part"] == "holdout"]
    labels = held["label"].map(LABEL_CODES).to_numpy(dtype=np.int64)
    masks = slice_masks(
        held["text"].tolist(),
        airlines=[value if isinstance(value, str) else None for value in held["airline"]],
        train_counts=document_frequencies(frame.loc[frame["part"] == "train", "text"]),
    )
    return HoldoutQuality(
        metrics=metrics_with_intervals(labels, proba),
        slices={
            name: (int(mask.sum()), metrics_with_intervals(labels[mask], proba[mask]))
            for name, mask in masks.items()
            if mask.sum() >= MINIMUM_ROWS
        },
    )


def _part(rows: pd.DataFrame) -> tuple[int, str, str, dict[str, float]]:
    shares = rows["label"].value_counts(normalize=True)
    first, last = (f"{moment:%Y-%m-%d %H:%M}" for moment in (rows["created_at"].min(), rows["created_at"].max()))
    return len(rows), first, last, {str(label): float(shares.get(str(label), 0.0)) for label in LABELS}
