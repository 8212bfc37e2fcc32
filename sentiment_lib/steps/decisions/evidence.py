"""The evidence of a decision: both models evaluated on the same holdout rows, and the gate's verdict on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection

from sentiment_lib.errors import NotEnoughLabels
from sentiment_lib.evaluation import (
    aims,
    alpha_spending,
    checklist,
    comparison,
    data_checks,
    gate,
    judgement_methods,
    reason_versions,
    slices,
)
from sentiment_lib.evaluation.aims import Aim
from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.evaluation.evidence_record import EvaluatedVersion, Evidence, HyperparameterSearch
from sentiment_lib.evaluation.look_budget import LookBudget
from sentiment_lib.families import catalog
from sentiment_lib.families.base import Model, check_probabilities
from sentiment_lib.policy import GatePolicy
from sentiment_lib.records import LABEL_CODES, ModelVersion, Snapshot
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training import snapshot_files
from sentiment_lib.storage import model_versions, snapshots, training_rows
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.holdout_looks import Look
from sentiment_lib.training_record import SearchRecord, TrainingRecord


@dataclass(frozen=True, kw_only=True)
class Case:
    """The two versions to compare, and the inputs that cannot be recomputed: earlier holdout looks, and the cost."""

    snapshot: Snapshot
    candidate: EvaluatedVersion
    champion: EvaluatedVersion
    looks_before: int
    #: what the look may spend; None before method 3
    budget: LookBudget | None
    aim: Aim
    cost: Cost
    #: tweets that either version, one of its warm-start ancestors or a teacher was trained on; they are not evaluated
    trained_on: frozenset[int]


def collect_case(
    store: Store,
    policy: GatePolicy,
    *,
    snapshot_id: int,
    candidate: int,
    champion: int,
    look: Look,
    ancestors: bool = True,
) -> Case:
    """Read the case from the database.

    ancestors=False replays a decision that was made before warm-start ancestors were excluded. Raises NotFound for an
    unknown snapshot or version.
    """
    with store.begin() as connection:
        snapshot = snapshots.by_id(connection, snapshot_id)
        versions = [model_versions.by_version(connection, number) for number in (candidate, champion)]
        numbers = (candidate, champion)
        lines = [training_rows.ancestors(connection, number) if ancestors else () for number in numbers]
        training, cost = model_versions.training_of(connection, candidate)
        serving, _ = model_versions.training_of(connection, champion)
        learned = [_snapshot_of(connection, version) for version in versions]
        if _recalibrates(training, champion):
            aim = aims.recalibration(policy)
        elif training.inputs.replaces is not None and training.inputs.replaces.version == champion:
            aim = aims.replacement(policy)
        else:
            aim = aims.choose(training, _recipe(connection, serving), newer=_is_newer(*learned), policy=policy)
        new, old = (_evaluated(version, line) for version, line in zip(versions, lines, strict=True))
        return Case(
            snapshot=snapshot,
            candidate=replace(new, search=_search(training.search)),
            champion=old,
            looks_before=look.looks_before,
            budget=look.budget,
            aim=aim,
            cost=Cost(p99_ms=cost.p99_ms, memory_mb=cost.memory_mb, artefact_mb=cost.artefact_mb),
            trained_on=training_rows.learned_tweet_ids(connection, numbers, inherited=ancestors),
        )


def compute(
    store: Store,
    case: Case,
    settings: Settings,
    policy: GatePolicy,
    *,
    reason_version: int = reason_versions.NEWEST,
    method: int = judgement_methods.NEWEST,
) -> Evidence:
    """Score both models on the same holdout rows and apply the gate.

    `reason_version` is the wording of the reasons and `method` that of `judgement_methods`, older ones for a decision
    that is replayed. Nothing depends on the clock or on the machine's load: an equal case gives equal canonical JSON.
    Raises NotEnoughLabels when fewer than two rows remain, UnsafeArtefact when a package was changed, LedgerBroken when
    the snapshot's file was changed.
    """
    # round trip through JSON, so that 250 and 250.0 serialise to the same bytes as when read back
    policy = GatePolicy.model_validate_json(policy.model_dump_json())
    frame = snapshot_files.read(store, settings, case.snapshot)
    train = frame[frame["part"] == "train"]
    holdout = frame[frame["part"] == "holdout"]
    rows = holdout[~holdout["tweet_id"].isin(case.trained_on)]
    sample: judgement_methods.JudgedSample | None = None
    source_slices: dict[str, NDArray[np.bool_]] = {}
    if method > judgement_methods.FIRST:
        is_judged, sample = judgement_methods.choose_rows(rows["label_source"].tolist(), policy)
        rows = rows[is_judged]
        source_slices = judgement_methods.source_slices(rows["label_source"].tolist())
    if len(rows) < 2:
        raise NotEnoughLabels(purpose="a comparison on rows that neither model learned from", have=len(rows), need=2)
    texts, labels = rows["text"].tolist(), _codes(rows)
    budget = case.budget if method > judgement_methods.SECOND else None
    aim = case.aim if budget else aims.SUPERIORITY
    level = budget.level(policy) if budget else alpha_spending.significance_level(case.looks_before, policy)
    registry = Registry(settings)
    candidate = registry.load(case.candidate.version, case.candidate.digest)
    champion = registry.load(case.champion.version, case.champion.digest)
    compared = comparison.compare(
        labels,
        _probabilities(champion, texts),
        _probabilities(candidate, texts),
        slices=slices.slice_masks(
            texts,
            airlines=_optional(rows["airline"]),
            languages=_optional(rows["language"]),
            train_counts=slices.document_frequencies(train["text"]),
        )
        | source_slices,
        policy=policy,
        level=level,
        terms=comparison.Terms.of(aim, policy, method),
    )
    behaviours = checklist.run(candidate.predict_proba)
    checks = data_checks.check(train["text"].tolist(), _codes(train).tolist(), texts, labels.tolist())
    verdict, rules = gate.decide(
        compared, policy, checklist=behaviours, cost=case.cost, data_checks=checks, method=method, aim=aim
    )
    return Evidence(
        snapshot_id=case.snapshot.snapshot_id,
        snapshot_hash=case.snapshot.content_hash,
        candidate=case.candidate,
        champion=case.champion,
        rows=len(rows),
        excluded_rows=len(holdout) - len(rows),
        looks_before=case.looks_before,
        comparison=compared,
        checklist=behaviours,
        cost=case.cost,
        data_checks=checks,
        policy=policy.model_dump(mode="json", exclude=judgement_methods.later_rules(method)),
        verdict=verdict,
        rules=reason_versions.apply_version(rules, reason_version),
        method=method,
        sample=sample,
        aim=aim if budget else None,
        budget=budget,
    )


def _recalibrates(training: TrainingRecord, champion: int) -> bool:
    teacher = training.inputs.teacher
    return catalog.family(training.family).recalibrates and teacher is not None and teacher.version == champion


def _recipe(connection: Connection, training: TrainingRecord) -> TrainingRecord:
    """How the model was trained, below a recalibration."""
    while catalog.family(training.family).recalibrates and training.inputs.teacher:
        training, _ = model_versions.training_of(connection, training.inputs.teacher.version)
    return training


def _snapshot_of(connection: Connection, version: ModelVersion) -> Snapshot | None:
    return None if version.snapshot_id is None else snapshots.by_id(connection, version.snapshot_id)


def _is_newer(candidate: Snapshot | None, champion: Snapshot | None) -> bool:
    """Whether the candidate learned from more and newer labels than the champion."""
    if candidate is None or champion is None:
        return False
    return candidate.split_at > champion.split_at and candidate.train_rows >= champion.train_rows


def _evaluated(version: ModelVersion, ancestors: tuple[int, ...]) -> EvaluatedVersion:
    return EvaluatedVersion(version=version.version, family=version.family, digest=version.digest, ancestors=ancestors)


def _search(search: SearchRecord | None) -> HyperparameterSearch | None:
    if search is None or not search.trials:
        return None
    return HyperparameterSearch(configurations=search.configurations, trials=search.trials, found=search.found)


def _codes(rows: pd.DataFrame) -> NDArray[np.int64]:
    return np.array([LABEL_CODES[label] for label in rows["label"]], dtype=np.int64)


def _optional(values: pd.Series[Any]) -> list[str | None]:
    return [value if isinstance(value, str) else None for value in values]


def _probabilities(model: Model, texts: Sequence[str]) -> NDArray[np.float64]:
    """Probabilities (n, 3), each distinct text scored once: a text's position in a batch can change the last digits."""
    distinct = list(dict.fromkeys(texts))
    by_text = dict(zip(distinct, check_probabilities(model, distinct), strict=True))
    return np.stack([by_text[text] for text in texts])
