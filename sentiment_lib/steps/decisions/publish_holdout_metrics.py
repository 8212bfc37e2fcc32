"""Publish a candidate's metrics on the holdout, in MLflow and on its model card, after its look was taken."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.records import LABEL_CODES, Decision
from sentiment_lib.registry import holdout_plots, model_card
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.statistics.metrics import classification_metrics
from sentiment_lib.steps.training import card_facts, snapshot_files, train
from sentiment_lib.storage import decisions, model_versions, snapshots
from sentiment_lib.storage.engine import Store


def publish_untrained(store: Store, settings: Settings, decision: Decision) -> None:
    """Log the champion's metrics of a decision with its run, where the champion is a version without training.

    Such a version has no holdout of its own. The figures are the decision's, which everybody may read.
    """
    with store.begin() as connection:
        champion = model_versions.by_version(connection, decision.champion_version)
        record = decisions.full_record(connection, decision.decision_id)
    if champion.snapshot_id is None:
        metrics = Evidence.from_json(record.evidence).comparison.champion
        Registry(settings).log_metrics_and_plots(champion.run_id, metrics, ())


def run(store: Store, settings: Settings, *, version: int) -> bool:
    """Log metrics and plots on the holdout of the version's training, and complete its card; False if they are there.

    For people: the gate reads only what `evaluate` computes. Raises NotFound for an unknown version, UnsafeArtefact
    when the package was changed, LedgerBroken when the snapshot's file was changed.
    """
    registry = Registry(settings)
    with store.begin() as connection:
        registered = model_versions.by_version(connection, version)
        record, _ = model_versions.training_of(connection, version)
        snapshot = None if registered.snapshot_id is None else snapshots.by_id(connection, registered.snapshot_id)
    text = registry.card(version)
    if snapshot is None or model_card.HIDDEN_QUALITY not in text:
        return False
    frame = train.without_inherited(store, snapshot_files.read(store, settings, snapshot), record.inputs)
    assert frame is not None
    rows = frame[frame["part"] == "holdout"]
    labels = np.array([LABEL_CODES[label] for label in rows["label"]])
    model = registry.load(version, registered.digest)
    proba = np.asarray(model.predict_proba(rows["text"].tolist()), dtype=np.float64)
    with tempfile.TemporaryDirectory(prefix="plots-") as scratch:
        plots = holdout_plots.draw(labels, proba, Path(scratch))
        registry.log_metrics_and_plots(registered.run_id, classification_metrics(labels, proba), plots)
    # the card last: it tells a repeated call that the rest is done
    completed = model_card.publish_quality(text, card_facts.holdout_quality(frame, proba))
    registry.replace_card(version, registered.run_id, completed)
    return True
