"""What a family learns from: the rows of an order, and what else belongs to the training.

The order of a training says which rows, seed and options; its inputs are noted beside it, so that `reproduce` finds
the same tweets without labels and the same weights to start from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from sentiment_lib.families import catalog
from sentiment_lib.families.base import Model, Progress
from sentiment_lib.records import LABELS, Snapshot
from sentiment_lib.registry.models import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.storage import models, tweets
from sentiment_lib.storage.engine import Store

#: Number of each label, as evaluation and families count them.
CODES = {str(label): number for number, label in enumerate(LABELS)}


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Tweets without labels, options that are no part of the order, and the note that finds both again."""

    unlabelled: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    note: Mapping[str, Any] = field(default_factory=dict)


def gather(store: Store, settings: Settings, order: Mapping[str, Any], frozen: Snapshot | None) -> Inputs:
    """Inputs of a new training: stored tweets older than the holdout, and the champion where the policy starts warm."""
    note: dict[str, Any] = {}
    if frozen is None:
        return Inputs()
    if catalog.reads_unlabelled(order["family"], order["options"]):
        note["unlabelled"] = {
            # its tweets are learned from with their labels; those that a search or an early stop judges on are its too
            "snapshot_id": frozen.snapshot_id,
            "before": frozen.split_at.isoformat(),
            "collected": datetime.now(UTC).isoformat(),
            "limit": settings.policy.retrain.unlabelled_rows,
        }
    if settings.policy.retrain.warm_start and catalog.starts_warm(order["family"]):
        with store.begin() as connection:
            champion = models.champion(connection)
        if champion and champion.family == order["family"]:
            note["start"] = {"version": champion.version, "digest": champion.digest}
    return recall(store, settings, note)


def recall(store: Store, settings: Settings, note: Mapping[str, Any]) -> Inputs:
    """Inputs that a note stands for; its digest shows whether they are the same."""
    unlabelled: list[str] = []
    options: dict[str, Any] = {}
    known = dict(note)
    if asked := note.get("unlabelled"):
        with store.begin() as connection:
            unlabelled = tweets.texts(
                connection,
                before=datetime.fromisoformat(asked["before"]),
                collected=datetime.fromisoformat(asked["collected"]),
                limit=asked["limit"],
                # notes of before labelled tweets were left out name none
                snapshot_id=asked.get("snapshot_id"),
            )
        known["unlabelled"] = {**asked, "rows": len(unlabelled), "sha256": _digest(unlabelled)}
    if start := note.get("start"):
        options["start"] = str(Registry(settings).fetch(start["version"], start["digest"]))
    return Inputs(unlabelled=unlabelled, options=options, note=known)


def fit(
    order: Mapping[str, Any],
    frame: pd.DataFrame | None,
    inputs: Inputs | None = None,
    *,
    progress: Progress | None = None,
    checkpoints: Path | None = None,
) -> Model:
    """Train what the order says; the same order, rows and inputs give the same model (see docs of each family)."""
    inputs = inputs or Inputs()
    options = {**inputs.options, **order["options"]}
    if frame is None:
        return catalog.train(order["family"], [], [], seed=order["seed"], progress=progress, **options)
    if checkpoints is not None and catalog.starts_warm(order["family"]):
        options.setdefault("checkpoints", str(checkpoints))
    rows = frame[frame["part"] == "train"]
    return catalog.train(
        order["family"],
        rows["text"].tolist(),
        [CODES[label] for label in rows["label"]],
        seed=order["seed"],
        created_at=rows["created_at"].tolist(),
        unlabelled=inputs.unlabelled,
        progress=progress,
        **options,
    )


def _digest(texts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode() + b"\x1e")
    return digest.hexdigest()
