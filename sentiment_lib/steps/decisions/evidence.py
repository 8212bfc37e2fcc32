"""The evidence of a decision: one canonical text that is written once, hashed, shown, and can be computed again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from sentiment_lib.errors import NotEnoughLabels
from sentiment_lib.evaluation import alpha_spending, checklist, comparison, data_checks, gate, reason_versions, slices
from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.families.base import Model
from sentiment_lib.hashing import canonical_json
from sentiment_lib.policy import GatePolicy
from sentiment_lib.records import Answer, ModelVersion, RuleVerdict, Snapshot
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.scoring.score import checked
from sentiment_lib.steps.training import snapshot as snapshot_step
from sentiment_lib.steps.training.inputs import CODES
from sentiment_lib.storage import model_versions, snapshots
from sentiment_lib.storage.engine import Store

#: Where the evidence names the versions that a version went on from or was taught by.
ANCESTORS = "learned_from_versions"
#: What the evidence says of a search: it looked at training rows alone, and how often it did.
SEARCHED = ("configurations", "trials", "found")


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a decision is about, and what cannot be measured again: how many looks came before, what the model costs."""

    snapshot: Snapshot
    candidate: ModelVersion
    champion: ModelVersion
    looks_before: int
    cost: Mapping[str, float]
    #: tweets that one of the two learned from, or a version that it went on from or was taught by; they judge nothing
    seen: frozenset[int]
    #: versions whose weights or answers went into each of the two, by warm starts and as teachers, newest first
    ancestors: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    #: how the candidate's options were searched; empty when they were not
    search: Mapping[str, Any] = field(default_factory=dict)


def case(
    store: Store, *, snapshot_id: int, candidate: int, champion: int, looks_before: int, ancestors: bool = True
) -> Case:
    """Collect the case from the database.

    ancestors=False for a decision that is replayed and was taken without a look at warm starts.
    """
    with store.begin() as connection:
        new, old = model_versions.by_version(connection, candidate), model_versions.by_version(connection, champion)
        training, cost = model_versions.details(connection, candidate)
        search = training.get("search", {})
        before = {one: _ancestors(connection, one) for one in (candidate, champion)} if ancestors else {}
        taught = {new.snapshot_id, old.snapshot_id}
        taught |= {model_versions.by_version(connection, one).snapshot_id for line in before.values() for one in line}
        learned = (snapshots.learned_from(connection, number) for number in taught)
        return Case(
            snapshot=snapshots.by_id(connection, snapshot_id),
            candidate=new,
            champion=old,
            looks_before=looks_before,
            cost={name: cost[name] for name in ("p99_ms", "memory_mb", "artefact_mb") if name in cost},
            seen=frozenset().union(*learned),
            ancestors=before,
            search={name: search[name] for name in SEARCHED} if search.get("trials") else {},
        )


def compute(
    case: Case, settings: Settings, policy: GatePolicy, *, words: int = reason_versions.NEWEST
) -> tuple[str, Answer, tuple[RuleVerdict, ...]]:
    """Score both models on the same holdout rows and let the gate judge: (canonical JSON, answer, rules).

    `words`: the wording of the reasons, an older one for a decision that is replayed. Nothing here depends on the clock
    or on the machine's load: the same case gives the same bytes.
    Raises NotEnoughLabels, UnsafeArtefact, LedgerBroken.
    """
    # as it comes back from the ledger: 250 and 250.0 are one bound, but not one byte string
    policy = GatePolicy.model_validate_json(policy.model_dump_json())
    frame = snapshot_step.read(settings, case.snapshot)
    train = frame[frame["part"] == "train"]
    held = frame[frame["part"] == "holdout"]
    rows = held[~held["tweet_id"].isin(case.seen)]
    if len(rows) < 2:
        raise NotEnoughLabels(purpose="a comparison on rows that neither model learned from", have=len(rows), need=2)
    texts = rows["text"].tolist()
    registry = Registry(settings)
    new = registry.load(case.candidate.version, case.candidate.digest)
    old = registry.load(case.champion.version, case.champion.digest)
    labels = _codes(rows)
    compared = comparison.compare(
        labels,
        _proba(old, texts),
        _proba(new, texts),
        slices=slices.slices(
            texts,
            airlines=_optional(rows["airline"]),
            languages=_optional(rows["language"]),
            train_counts=slices.word_counts(train["text"]),
        ),
        policy=policy,
        level=alpha_spending.level(case.looks_before, policy),
    )
    behaved = checklist.run(new.predict_proba)
    checks = data_checks.check(train["text"].tolist(), _codes(train).tolist(), texts, labels.tolist())
    answer, rules = gate.decide(compared, policy, behaviours=behaved, cost=Cost(**case.cost), data_checks=checks)
    rules = reason_versions.worded(rules, words)
    body = {
        "snapshot": {"id": case.snapshot.snapshot_id, "content_hash": case.snapshot.content_hash},
        # only where there was one: what was decided before searches existed still has the same bytes
        "candidate": _named(case, case.candidate) | ({"search": dict(case.search)} if case.search else {}),
        "champion": _named(case, case.champion),
        "rows": len(rows),
        "left_out": len(held) - len(rows),
        "looks_before": case.looks_before,
        "comparison": compared.as_dict(),
        "behaviours": behaved.as_dict(),
        "cost": dict(case.cost),
        "data_checks": asdict(checks),
        "policy": policy.model_dump(mode="json"),
        "answer": str(answer),
        "rules": [asdict(rule) for rule in rules],
    }
    return canonical_json(body), answer, rules


def _ancestors(connection: Connection, version: int) -> tuple[int, ...]:
    """Versions that this one goes on from or was taught by, and those behind them; nearest first."""
    found: list[int] = []
    line = [version]
    while line:
        inputs = model_versions.details(connection, line.pop(0))[0].get("inputs", {})
        before = {int(inputs[name]["version"]): None for name in ("start", "teacher") if inputs.get(name)}
        fresh = [number for number in before if number not in found]
        found += fresh
        line += fresh
    return tuple(found)


def _named(case: Case, version: ModelVersion) -> dict[str, Any]:
    named: dict[str, Any] = {"version": version.version, "family": version.family, "digest": version.digest}
    # as with a search: not a word where there is nothing to say
    line = case.ancestors.get(version.version)
    return named | {ANCESTORS: list(line)} if line else named


def _codes(rows: pd.DataFrame) -> Any:
    return rows["label"].map(CODES).to_numpy(dtype=np.int64)


def _optional(values: pd.Series[Any]) -> list[str | None]:
    return [value if isinstance(value, str) else None for value in values]


def _proba(model: Model, texts: list[str]) -> Any:
    """Each distinct text once: identical texts must not differ by their place in a batch."""
    distinct = list(dict.fromkeys(texts))
    found = dict(zip(distinct, checked(model, distinct), strict=True))
    return np.stack([found[text] for text in texts])
