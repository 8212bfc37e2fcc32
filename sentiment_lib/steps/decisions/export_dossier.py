"""Export a decision with its proofs as a signed file, which `sentiment-verify` checks without the platform."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC
from typing import Any

from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.errors import RecordForged
from sentiment_lib.hashing import canonical_json
from sentiment_lib.records import DecisionRecord
from sentiment_lib.storage import (
    anchors,
    approval_audit,
    decisions,
    deployments,
    forged_records,
    ledger,
    model_versions,
    snapshots,
)
from sentiment_lib.storage.approval_requests import APPROVAL_REQUEST
from sentiment_lib.storage.approval_votes import VOTE
from sentiment_lib.storage.engine import Store, key_ring
from sentiment_lib.verify_dossier import FORMAT


def run(store: Store, *, decision_id: int) -> str:
    """The dossier: canonical JSON with its signature, and a newline.

    Raises NotFound for an unknown decision, SigningKeyMissing without a private key, RecordForged for a decision or an
    approval that the platform did not record.
    """
    forged_records.require_recorded(store, "decision", decision_id)
    with store.begin() as connection:
        decision = decisions.full_record(connection, decision_id)
        approval = decisions.approval(connection, decision_id)
        if approval and (problem := approval_audit.unrecorded(connection, approval)):
            raise RecordForged(problem=problem)
        moves = deployments.all_of_decision(connection, decision_id)
        pair = (decision.candidate_version, decision.champion_version)
        versions = [model_versions.by_version(connection, version) for version in pair]
        lines = anchors.read_lines(store.anchors_file)
        entries, covering = _chain(connection, decision, [move.deployment_id for move in moves], lines)
        ring = key_ring(connection)
        dossier = {
            "format": FORMAT,
            "exported_at": clock.now(),
            "decision": {
                "decision_id": decision_id,
                "verdict": decision.verdict,
                "rules": [asdict(rule) for rule in decision.rules],
                "policy": decision.policy,
                "requested_by": decision.requested_by,
                "decided_at": decision.decided_at.astimezone(UTC),
                "evidence_hash": decision.evidence_hash,
            },
            "evidence": decision.evidence,
            "snapshot": asdict(snapshots.by_id(connection, decision.snapshot_id)),
            "packages": [asdict(version) for version in versions],
            "approval": asdict(approval) | {"answered_at": approval.answered_at.astimezone(UTC)} if approval else None,
            "deployments": [asdict(move) for move in moves],
            "entries": [vars(entry) for entry in entries],
            "anchors": covering,
            "public_keys": [asdict(key) for key in ring.public_keys()],
            "reproduction": [
                f"sentiment decision replay {decision_id}",
                *(f"sentiment reproduce {version.version}" for version in versions),
            ],
        }
        return canonical_json({"dossier": dossier, "signature": ring.sign("dossier", dossier)}) + "\n"


def _chain(
    connection: Connection, decision: DecisionRecord, moves: list[int], lines: list[str]
) -> tuple[list[ledger.LedgerEntry], list[str]]:
    """The consecutive ledger rows that cover the decision, and the anchors of these rows.

    They start at the last anchor before its first row and end at the first anchor after its last row.
    """
    entries = list(ledger.entries(connection))
    about = [entry for entry in ledger.genuine_entries(connection) if _concerns(entry, decision, moves)]
    own = [entry.sequence for entry in about]
    delegations = (entry.facts().get("delegation") for entry in about)
    own = sorted({*own, *(int(number) for number in delegations if number)})
    anchored = {anchors.sequence_of(line): line for line in lines}
    first = max((sequence for sequence in anchored if sequence <= own[0]), default=own[0])
    # rows before the first checkpoint are covered by the checkpoint's signature
    signed = next((entry.sequence for entry in entries if entry.signature and entry.sequence >= own[-1]), own[-1])
    last = min((sequence for sequence in anchored if sequence >= signed), default=entries[-1].sequence)
    chain = [entry for entry in entries if first <= entry.sequence <= last]
    return chain, [line for sequence, line in anchored.items() if first <= sequence <= last]


def _concerns(entry: ledger.LedgerEntry, decision: DecisionRecord, moves: list[int]) -> bool:
    kind, _, state = entry.kind.partition(".")
    facts: dict[str, Any] = entry.facts()
    if kind == "training":
        return facts["version"] in (decision.candidate_version, decision.champion_version)
    if kind == "snapshot":
        return bool(facts["snapshot_id"] == decision.snapshot_id)
    if kind in ("decision", APPROVAL_REQUEST, "approval", VOTE):
        return bool(facts["decision_id"] == decision.decision_id)
    return bool(state) and facts.get("deployment_id") in moves
