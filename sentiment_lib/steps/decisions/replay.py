"""Compute a decision again from its snapshot and artefacts, and compare byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sentiment_lib.evaluation import reason_versions
from sentiment_lib.hashing import hash_text
from sentiment_lib.policy import GatePolicy
from sentiment_lib.settings import Settings
from sentiment_lib.steps.decisions import evidence
from sentiment_lib.storage import decisions
from sentiment_lib.storage.engine import Store

#: Differing places that are named.
SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class ReplayResult:
    """Whether the evidence came out the same, byte for byte, and where it did not."""

    decision_id: int
    identical: bool
    recorded_hash: str
    replayed_hash: str
    #: paths into the evidence, "comparison.main.low: 0.1 -> 0.2"
    differences: tuple[str, ...]


def run(store: Store, settings: Settings, *, decision_id: int) -> ReplayResult:
    """Replay under the policy and in the words of then. Cost and the number of earlier looks are taken as recorded."""
    with store.begin() as connection:
        known = decisions.whole(connection, decision_id)
    recorded = json.loads(known["evidence"])
    found = evidence.case(
        store,
        snapshot_id=known["snapshot_id"],
        candidate=known["candidate_version"],
        champion=known["champion_version"],
        looks_before=recorded["looks_before"],
        ancestors=any(evidence.ANCESTORS in recorded[role] for role in ("candidate", "champion")),
    )
    policy = GatePolicy(**known["policy"]["gate"])
    text, _, _ = evidence.compute(found, settings, policy, words=reason_versions.of(recorded["rules"]))
    return ReplayResult(
        decision_id=decision_id,
        identical=text == known["evidence"],
        recorded_hash=known["evidence_hash"],
        replayed_hash=hash_text(text),
        differences=tuple(_differences(recorded, json.loads(text)))[:SHOWN],
    )


def _differences(old: Any, new: Any, path: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _differences(old.get(key), new.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differences(one, other, f"{path}[{number}]")
    elif old != new:
        yield f"{path}: {old} -> {new}"
