"""Train a version's recipe again on what its snapshot still holds, and compare it with a second such training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sentiment_lib.families import catalog
from sentiment_lib.records import ModelVersion
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training import reproduce, train
from sentiment_lib.storage import model_versions
from sentiment_lib.storage.engine import Store
from sentiment_lib.training_record import TrainingInputs, TrainingOrder, TrainingRecord, VersionReference


def is_costly(training: TrainingRecord) -> bool:
    """Whether it fine-tunes a network: such a training takes hours, and a second one differs in its last digits."""
    return catalog.family(training.family).fine_tunes(training.options)


def run(
    store: Store, settings: Settings, version: ModelVersion, *, replacements: Mapping[int, ModelVersion]
) -> tuple[ModelVersion, bool | None]:
    """The version trained without forgotten tweets, and whether a second training gave the same package.

    Seed, options, parents and the query for unlabelled tweets are the recorded ones; a search of hyperparameters is
    repeated. replacements: by what a parent or teacher is replaced. Repeated, it finds the version instead of training
    again. The second value is None for a family whose trainings differ in their last digits. Raises what `train.run`
    and `reproduce.run` raise.
    """
    with store.begin() as connection:
        training, _ = model_versions.training_of(connection, version.version)
    assert version.snapshot_id is not None, "a version that learned from tweets has a snapshot"
    search = training.search
    order = TrainingOrder(
        snapshot_id=version.snapshot_id,
        family=training.family,
        run_key=f"forget/{version.version}",
        seed=training.seed,
        options=dict(search.fixed_options if search else training.options),
    )
    trials = search.requested_trials if search else 0
    retrain = settings.policy.retrain.model_copy(update={"search_trials": trials, "warm_start": False})
    policy = settings.policy.model_copy(update={"retrain": retrain})
    inputs = _inputs(training.inputs, version, replacements)
    new = train.run(store, settings.model_copy(update={"policy": policy}), order, inputs=inputs)
    if is_costly(training):
        return new, None
    return new, reproduce.run(store, settings, version=new.version).same_digest


def _inputs(
    recorded: TrainingInputs, version: ModelVersion, replacements: Mapping[int, ModelVersion]
) -> TrainingInputs:
    def replaced(parent: VersionReference | None) -> VersionReference | None:
        if parent is None or parent.version not in replacements:
            return parent
        new = replacements[parent.version]
        return VersionReference(version=new.version, digest=new.digest)

    return TrainingInputs(
        start=replaced(recorded.start),
        teacher=replaced(recorded.teacher),
        # the number and the digest of the texts are counted anew
        unlabelled=replace(recorded.unlabelled, rows=None, sha256=None) if recorded.unlabelled else None,
        replaces=VersionReference(version=version.version, digest=version.digest),
    )
