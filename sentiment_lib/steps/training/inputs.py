"""What a family learns from: the rows of an order, and what else belongs to the training.

The order of a training says which rows, seed and options; its inputs are noted beside it, so that `reproduce` finds
the same tweets without labels and the same weights to start from.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from sentiment_lib.errors import TrainingRefused
from sentiment_lib.families import catalog
from sentiment_lib.families.base import Model, Progress
from sentiment_lib.files import write_atomically
from sentiment_lib.records import LABELS, ModelVersion, Snapshot
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.storage import model_versions, tweets
from sentiment_lib.storage.engine import Store

_log = logging.getLogger(__name__)
#: Number of each label, as evaluation and families count them.
CODES = {str(label): number for number, label in enumerate(LABELS)}


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Tweets without labels, a teacher, options that are no part of the order, and the note that finds all again."""

    unlabelled: Sequence[str] = ()
    teacher: Model | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    note: Mapping[str, Any] = field(default_factory=dict)


def gather(
    store: Store,
    settings: Settings,
    order: Mapping[str, Any],
    frozen: Snapshot | None,
    frame: pd.DataFrame | None,
    kept: Path,
) -> Inputs:
    """Inputs of a new training: stored tweets older than the holdout, and the champion where the policy starts warm.

    `frame` are the rows of the snapshot. Their note waits in the file `kept` for the end of the training: a try after
    a kill has the same inputs, though tweets came and the champion moved.
    """
    if frozen is None:
        return Inputs()
    if kept.is_file():
        return recall(store, settings, json.loads(kept.read_text()))
    note = _note(store, settings, order, frozen, frame)
    if note:
        write_atomically(kept, note)
    return recall(store, settings, note)


def _note(
    store: Store, settings: Settings, order: Mapping[str, Any], frozen: Snapshot, frame: pd.DataFrame | None
) -> dict[str, Any]:
    note: dict[str, Any] = {}
    if settings.policy.retrain.warm_start and "start" not in order["options"]:
        note |= _start(store, settings, order, frame)
    if catalog.family(order["family"]).reads_unlabelled({**order["options"], **note}):
        note["unlabelled"] = {
            # its tweets are learned from with their labels; those that a search or an early stop judges on are its too
            "snapshot_id": frozen.snapshot_id,
            "before": frozen.split_at.isoformat(),
            "collected": datetime.now(UTC).isoformat(),
            "limit": settings.policy.retrain.unlabelled_rows,
        }
    if catalog.family(order["family"]).distils(order["options"]):
        note["teacher"] = _teacher(store, order["family"])
    return note


def _teacher(store: Store, family: str) -> dict[str, Any]:
    """The champion; TrainingRefused when it has nothing to teach because it learned from no tweet itself."""
    champion = _champion(store)
    if champion is None or champion.snapshot_id is None:
        who = "there is no champion" if champion is None else f"version {champion.version} learned from no tweets"
        raise TrainingRefused(
            family=family, problem=f"its option distillation needs a champion that can teach, but {who}"
        )
    return _named(champion)


def _start(
    store: Store, settings: Settings, order: Mapping[str, Any], frame: pd.DataFrame | None
) -> dict[str, dict[str, Any]]:
    """The champion under "start", when it is of the family and the training can go on from it; else nothing."""
    champion = _champion(store)
    if champion is None or champion.family != order["family"]:
        return {}
    times = None if frame is None else frame.loc[frame["part"] == "train", "created_at"].tolist()
    package = Registry(settings).fetch(champion.version, champion.digest)
    if problem := catalog.family(order["family"]).start_problem(order["options"], package, times):
        _log.warning("The training begins from its checkpoint, not from version %s: %s", champion.version, problem)
        return {}
    return {"start": _named(champion)}


def _champion(store: Store) -> ModelVersion | None:
    with store.begin() as connection:
        return model_versions.champion(connection)


def _named(version: ModelVersion) -> dict[str, Any]:
    """What a note says of a version, so that the same package is fetched again."""
    return {"version": version.version, "digest": version.digest}


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
    teacher = None
    if by := note.get("teacher"):
        teacher = Registry(settings).load(by["version"], by["digest"])
    return Inputs(unlabelled=unlabelled, teacher=teacher, options=options, note=known)


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
    if checkpoints is not None and catalog.family(order["family"]).resumes(options):
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
        teacher=inputs.teacher,
        **options,
    )


def _digest(texts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode() + b"\x1e")
    return digest.hexdigest()
