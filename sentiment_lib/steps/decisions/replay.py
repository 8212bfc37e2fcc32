"""Recompute a decision from its snapshot and model packages, and compare the evidence byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from sentiment_lib.evaluation import reason_versions
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.hashing import hash_text
from sentiment_lib.policy import GatePolicy
from sentiment_lib.settings import Settings
from sentiment_lib.steps.decisions import evidence, forgotten
from sentiment_lib.storage import decisions
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.holdout_looks import Look

#: Maximum number of reported differences.
MAXIMUM_DIFFERENCES = 20


@dataclass(frozen=True, kw_only=True)
class ReplayResult:
    """Whether the replayed evidence is identical, byte for byte, and where it differs."""

    decision_id: int
    identical: bool
    recorded_hash: str
    replayed_hash: str
    #: paths into the evidence, "comparison.main.low: 0.1 -> 0.2"
    differences: tuple[str, ...]
    #: what was forgotten since, in sentences: the decision is recomputed on what remains
    gone: tuple[str, ...] = ()


def run(store: Store, settings: Settings, *, decision_id: int) -> ReplayResult:
    """Replay under the recorded policy and in the recorded wording. Cost and earlier looks are taken as recorded.

    Of a decision that rests on forgotten tweets, what remains is recomputed, with the versions that replaced those
    which learned from them; without a replacement nothing is, and `replayed_hash` is empty. Raises NotFound for an
    unknown decision, BadInput when the recorded evidence cannot be parsed, UnsafeArtefact when a package was changed,
    LedgerBroken when the snapshot's file was changed.
    """
    with store.begin() as connection:
        decision = decisions.full_record(connection, decision_id)
    recorded = Evidence.from_json(decision.evidence)
    policy = GatePolicy(**decision.policy["gate"])
    case = evidence.collect_case(
        store,
        policy,
        snapshot_id=decision.snapshot_id,
        candidate=decision.candidate_version,
        champion=decision.champion_version,
        look=Look(looks_before=recorded.looks_before, budget=recorded.budget),
        ancestors=bool(recorded.candidate.ancestors or recorded.champion.ancestors),
    )
    with store.begin() as connection:
        gone, replacements = forgotten.since(connection, case.snapshot, (case.candidate, case.champion))
    if not all(part.version in replacements for part in (case.candidate, case.champion)):
        return ReplayResult(
            decision_id=decision_id,
            identical=False,
            recorded_hash=decision.evidence_hash,
            replayed_hash="",
            differences=(),
            gone=gone,
        )
    case = replace(case, candidate=replacements[case.candidate.version], champion=replacements[case.champion.version])
    reason_version = reason_versions.detect_version([asdict(rule) for rule in recorded.rules])
    replayed = evidence.compute(
        store, case, settings, policy, reason_version=reason_version, method=recorded.method
    ).to_json()
    differences = _differences(json.loads(decision.evidence), json.loads(replayed))
    return ReplayResult(
        decision_id=decision_id,
        identical=replayed == decision.evidence,
        recorded_hash=decision.evidence_hash,
        replayed_hash=hash_text(replayed),
        differences=tuple(differences)[:MAXIMUM_DIFFERENCES],
        gone=gone,
    )


def _differences(old: Any, new: Any, path: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _differences(old.get(key), new.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _differences(before, after, f"{path}[{index}]")
    elif old != new:
        yield f"{path}: {old} -> {new}"
