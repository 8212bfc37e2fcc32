"""What a training reads beside its labelled rows: unlabelled tweets, a teacher, and weights to warm-start from.

They are recorded with the version, so that `reproduce` loads the same ones.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from sentiment_lib import clock
from sentiment_lib.errors import TrainingRefused
from sentiment_lib.evaluation.judgement_methods import AUDIT
from sentiment_lib.families import catalog
from sentiment_lib.families.base import Model, Progress
from sentiment_lib.files import write_atomically
from sentiment_lib.records import LABEL_CODES, ModelVersion, Snapshot
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.storage import model_versions, training_rows, tweets
from sentiment_lib.storage.engine import Store
from sentiment_lib.training_record import TrainingInputs, TrainingSpec, UnlabelledTweets, VersionReference

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class LoadedInputs:
    """The inputs themselves, and the record that loads them again."""

    unlabelled: Sequence[str] = ()
    teacher: Model | None = None
    #: tweets that the teacher learned from
    learned: frozenset[int] = frozenset()
    #: options with local paths, which are not part of the spec
    options: Mapping[str, Any] = field(default_factory=dict)
    record: TrainingInputs = field(default_factory=TrainingInputs)


def collect_inputs(
    store: Store,
    settings: Settings,
    spec: TrainingSpec,
    snapshot: Snapshot | None,
    frame: pd.DataFrame | None,
    path: Path,
) -> LoadedInputs:
    """Inputs of a new training: tweets older than the holdout, a teacher, and the champion if the policy warm-starts.

    `frame` holds the snapshot's rows. The record is kept in the file `path` until the training ends: a retry after a
    kill uses the same inputs, even if tweets were stored and the champion changed meanwhile. Raises TrainingRefused
    when there is no champion to distil from, UnsafeArtefact when a package was changed.
    """
    if snapshot is None:
        return LoadedInputs()
    if path.is_file():
        return load_inputs(store, settings, TrainingInputs.from_json(json.loads(path.read_text())))
    record = _describe_inputs(store, settings, spec, snapshot, frame)
    if record != TrainingInputs():
        write_atomically(path, record.to_json())
    return load_inputs(store, settings, record)


def load_inputs(store: Store, settings: Settings, record: TrainingInputs) -> LoadedInputs:
    """Load what a record names; the record returned has the number and the digest of the unlabelled texts.

    Raises NotFound for an unknown version, UnsafeArtefact when a package was changed.
    """
    texts: list[str] = []
    options: dict[str, Any] = {}
    registry = Registry(settings)
    if query := record.unlabelled:
        with store.begin() as connection:
            texts = tweets.texts(
                connection,
                before=datetime.fromisoformat(query.before),
                collected=datetime.fromisoformat(query.collected),
                limit=query.limit,
                snapshot_id=query.snapshot_id,
            )
        record = replace(record, unlabelled=replace(query, rows=len(texts), sha256=_hash_texts(texts)))
    if record.start:
        options["start"] = str(registry.fetch(record.start.version, record.start.digest))
    teacher: Model | None = None
    learned = frozenset[int]()
    if record.teacher:
        teacher = registry.load(record.teacher.version, record.teacher.digest)
        with store.begin() as connection:
            learned = training_rows.learned_tweet_ids(connection, [record.teacher.version])
    return LoadedInputs(unlabelled=texts, teacher=teacher, learned=learned, options=options, record=record)


def _describe_inputs(
    store: Store, settings: Settings, spec: TrainingSpec, snapshot: Snapshot, frame: pd.DataFrame | None
) -> TrainingInputs:
    start = teacher = unlabelled = None
    family, options = catalog.family(spec.family), dict(spec.options)
    if settings.policy.retrain.warm_start and "start" not in options:
        start = _find_start(store, settings, spec, frame)
        if start:
            options["start"] = vars(start)
    if family.reads_unlabelled(options):
        unlabelled = UnlabelledTweets(
            before=snapshot.split_at.isoformat(),
            collected=clock.now().isoformat(),
            limit=settings.policy.retrain.unlabelled_rows,
            # labelled rows are excluded: folds of them evaluate a search or early stopping
            snapshot_id=snapshot.snapshot_id,
        )
    if family.distils(spec.options):
        teacher = _find_teacher(store, spec.family)
    elif family.recalibrates:
        teacher = _find_recalibrated(store, spec.family)
    return TrainingInputs(start=start, teacher=teacher, unlabelled=unlabelled)


def _find_teacher(store: Store, family: str) -> VersionReference:
    """The champion. Raises TrainingRefused when it was not trained on tweets and so cannot be a teacher."""
    champion = _champion(store)
    if champion is None or champion.snapshot_id is None:
        who = "there is no champion" if champion is None else f"version {champion.version} learned from no tweets"
        raise TrainingRefused(
            family=family, problem=f"its option distillation needs a champion that can teach, but {who}"
        )
    return VersionReference(version=champion.version, digest=champion.digest)


def _find_recalibrated(store: Store, family: str) -> VersionReference:
    """The champion. Raises TrainingRefused when there is none."""
    champion = _champion(store)
    if champion is None:
        raise TrainingRefused(family=family, problem="there is no champion to recalibrate")
    return VersionReference(version=champion.version, digest=champion.digest)


def _find_start(
    store: Store, settings: Settings, spec: TrainingSpec, frame: pd.DataFrame | None
) -> VersionReference | None:
    """The champion, when it is of the family and the training can be warm-started from it."""
    champion = _champion(store)
    if champion is None or champion.family != spec.family:
        return None
    times = None if frame is None else frame.loc[frame["part"] == "train", "created_at"].tolist()
    package = Registry(settings).fetch(champion.version, champion.digest)
    if problem := catalog.family(spec.family).start_problem(spec.options, package, times):
        _log.warning("No warm start from version %s, training from the checkpoint: %s", champion.version, problem)
        return None
    return VersionReference(version=champion.version, digest=champion.digest)


def _champion(store: Store) -> ModelVersion | None:
    with store.begin() as connection:
        return model_versions.champion(connection)


def fit(
    spec: TrainingSpec,
    frame: pd.DataFrame | None,
    inputs: LoadedInputs | None = None,
    *,
    progress: Progress | None = None,
    checkpoints: Path | None = None,
) -> Model:
    """Train a model; the same spec, rows and inputs give the same model (see each family's documentation).

    `frame` holds the snapshot's rows, of which the part "train" is used; `checkpoints` is a folder for families that
    can resume. Raises BadInput for unknown options, TrainingCancelled when `progress` cancels, TrainingRefused when the
    family cannot train on these inputs.
    """
    inputs = inputs or LoadedInputs()
    options = {**inputs.options, **spec.options}
    if frame is None:
        return catalog.train(spec.family, [], [], seed=spec.seed, progress=progress, **options)
    if checkpoints is not None and catalog.family(spec.family).resumes(options):
        options.setdefault("checkpoints", str(checkpoints))
    rows = frame[frame["part"] == "train"]
    if catalog.family(spec.family).recalibrates:
        # random draws of the stream alone, and none that the champion has fitted already
        rows = rows[(rows["label_source"] == AUDIT) & ~rows["tweet_id"].isin(inputs.learned)]
    return catalog.train(
        spec.family,
        rows["text"].tolist(),
        [LABEL_CODES[label] for label in rows["label"]],
        seed=spec.seed,
        created_at=rows["created_at"].tolist(),
        unlabelled=inputs.unlabelled,
        progress=progress,
        teacher=inputs.teacher,
        **options,
    )


def _hash_texts(texts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode() + b"\x1e")
    return digest.hexdigest()
