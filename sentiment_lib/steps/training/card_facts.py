"""The facts of a new version's card: its rows, its quality on the holdout with intervals, its costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentiment_lib.evaluation.slices import document_frequencies, slice_masks
from sentiment_lib.families.base import Model
from sentiment_lib.records import LABELS
from sentiment_lib.registry.model_card import Facts
from sentiment_lib.statistics.bootstrap import metrics_with_intervals
from sentiment_lib.steps.training.inputs import CODES
from sentiment_lib.text.normalise import NORMALISER_VERSION

#: Slices of fewer rows have intervals that say nothing.
ENOUGH = 50


def facts(
    model: Model,
    digest: str,
    training: Mapping[str, Any],
    cost: Mapping[str, float],
    frame: pd.DataFrame | None,
    proba: NDArray[np.float64] | None,
) -> Facts:
    """What `card` writes; `proba` (n, 3) are the model's answers for the holdout rows of the snapshot's frame."""
    known: dict[str, Any] = {}
    if frame is not None:
        known["parts"] = {part: _part(rows) for part, rows in frame.groupby("part", sort=False)}
        known["sources"] = {str(name): int(rows) for name, rows in frame["label_source"].value_counts().items()}
    if frame is not None and proba is not None:
        held = frame[frame["part"] == "holdout"]
        labels = held["label"].map(CODES).to_numpy(dtype=np.int64)
        known["quality"] = metrics_with_intervals(labels, proba)
        masks = slice_masks(
            held["text"].tolist(),
            airlines=[value if isinstance(value, str) else None for value in held["airline"]],
            train_counts=document_frequencies(frame.loc[frame["part"] == "train", "text"]),
        )
        known["slices"] = {
            name: (int(mask.sum()), metrics_with_intervals(labels[mask], proba[mask], rounds=300))
            for name, mask in masks.items()
            if mask.sum() >= ENOUGH
        }
    return Facts(
        family=model.family,
        digest=digest,
        seed=training["seed"],
        options=training["options"],
        revision=training["revision"],
        normaliser=NORMALISER_VERSION,
        snapshot_hash=training["snapshot_hash"],
        notes=getattr(model, "notes", {}),
        cost=cost,
        inputs=training["inputs"],
        search=training.get("search", {}),
        **known,
    )


def _part(rows: pd.DataFrame) -> tuple[int, str, str, dict[str, float]]:
    shares = rows["label"].value_counts(normalize=True)
    first, last = (f"{moment:%Y-%m-%d %H:%M}" for moment in (rows["created_at"].min(), rows["created_at"].max()))
    return len(rows), first, last, {str(label): float(shares.get(str(label), 0.0)) for label in LABELS}
