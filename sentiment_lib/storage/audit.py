"""Checks of the tables against the ledger; each returns its problems as sentences.

Only genuine rows of the ledger say what was recorded; `ledger.broken` names the others.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, text

from sentiment_lib import clock
from sentiment_lib.hashing import canonical_json, hash_text
from sentiment_lib.storage import ledger, recorded_facts, snapshot_proofs, verified_points
from sentiment_lib.storage.recorded_facts import TABLES
from sentiment_lib.storage.signed_moves import KINDS_BEFORE, STATES
from sentiment_lib.storage.tables import DecisionRow, EvaluationRow, ModelVersionRow, SnapshotRow
from sentiment_lib.storage.verified_points import VerifiedPoint


def facts_against_ledger(connection: Connection, since: VerifiedPoint | None = None) -> list[str]:
    """Rows without a ledger row, ledger rows without a row, and columns that differ from what was recorded.

    since: rows that it counts as verified, and that are the same as then, are not compared again.
    """
    since = _same_rows(connection, since)
    recorded: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in TABLES}
    for entry in ledger.genuine_entries(connection, after=since.sequence if since else None):
        kind, _, state = entry.kind.partition(".")
        name = "deployment" if state in STATES else kind
        if name in TABLES:
            facts = recorded_facts.renamed(name, entry.facts())
            merged = recorded[name].setdefault(int(facts[TABLES[name][1]]), {})
            merged.update(facts)
            if state in STATES:
                merged.update(kind=KINDS_BEFORE.get(kind, kind), state=state)
    problems: list[str] = []
    for name, (table, key) in TABLES.items():
        query = select(table).order_by(table.c[key])
        if since:
            query = query.where(table.c[key].in_(recorded[name]) | (table.c[key] > since.rows[name][0]))
        rows = {int(row[key]): dict(row) for row in connection.execute(query).mappings()}
        problems += [
            f"{name} {number} is in the ledger, and its row is gone" for number in recorded[name].keys() - rows
        ]
        problems += [f"{name} {number} has no ledger row" for number in rows.keys() - recorded[name]]
        for number in sorted(rows.keys() & recorded[name].keys()):
            problems += [
                f"{name} {number} was changed: {field}"
                for field in recorded_facts.differing(rows[number], recorded[name][number])
            ]
    return problems


def _same_rows(connection: Connection, since: VerifiedPoint | None) -> VerifiedPoint | None:
    """The point, or None when a row that it counts as verified came, went or changed."""
    return since if since and verified_points.are_unchanged(connection, since) else None


def evidence(connection: Connection, since: VerifiedPoint | None = None) -> list[str]:
    """Decisions whose recorded hash is not that of their evidence."""
    since = _same_rows(connection, since)
    query = select(
        DecisionRow.decision_id,
        DecisionRow.evidence_hash,
        EvaluationRow.evidence,
        EvaluationRow.evidence_hash.label("own"),
    ).join(EvaluationRow, EvaluationRow.evaluation_id == DecisionRow.evaluation_id)
    if since:
        query = query.where(DecisionRow.decision_id > since.rows["decision"][0])
    return [
        f"decision {row.decision_id}: its hash is not that of its evidence"
        for row in connection.execute(query, execution_options={"yield_per": 100})
        if not row.evidence_hash == row.own == hash_text(row.evidence)
    ]


MOVES = text(
    """
    SELECT d.deployment_id, d.kind, d.from_version, d.to_version, d.state, a.response, a.evidence_hash AS approved_hash,
           c.verdict, c.evidence_hash AS decided_hash, e.candidate_version, e.champion_version
    FROM deployments d
    LEFT JOIN approvals a ON a.approval_id = d.approval_id
    LEFT JOIN decisions c ON c.decision_id = coalesce(a.decision_id, d.decision_id)
    LEFT JOIN evaluations e ON e.evaluation_id = c.evaluation_id
    ORDER BY d.deployment_id
    """
)


def moves(connection: Connection) -> list[str]:
    """Deployments that contradict their decision, their approval or the deployment before them."""
    problems: list[str] = []
    serving: int | None = None
    served: set[int] = set()
    for move in connection.execute(MOVES):
        name = f"deployment {move.deployment_id} ({move.kind} to version {move.to_version})"
        if move.kind == "promotion":
            if move.response != "approved" or move.verdict != "PROMOTE":
                problems.append(f"{name} has no decision that says PROMOTE with an approval")
            elif (move.candidate_version, move.champion_version) != (move.to_version, move.from_version):
                problems.append(f"{name} moved other versions than its decision compared")
            elif move.approved_hash != move.decided_hash:
                problems.append(f"{name} was approved on other evidence")
        if move.kind == "forced" and move.candidate_version != move.to_version:
            problems.append(f"{name} has no decision about this version")
        if move.kind == "rollback" and move.to_version not in served:
            problems.append(f"{name} goes to a version that was never the champion")
        if move.kind != "restored" and move.state == "done" and move.from_version != serving:
            problems.append(f"{name} started from version {move.from_version}, but {serving} was the champion")
        if move.kind == "restored" and move.to_version != serving:
            problems.append(f"{name} restored another version than the champion {serving}")
        if move.state == "done":
            serving = move.to_version
            served.add(move.to_version)
    return problems


TIMES = text(
    """
    SELECT 'decision ' || d.decision_id AS later, 'its evaluation' AS earlier, d.decided_at AS at, e.created_at AS after
    FROM decisions d JOIN evaluations e USING (evaluation_id)
    UNION ALL
    SELECT 'evaluation ' || e.evaluation_id, 'its candidate', e.created_at, v.created_at
    FROM evaluations e JOIN model_versions v ON v.version = e.candidate_version
    UNION ALL
    SELECT 'evaluation ' || e.evaluation_id, 'its snapshot', e.created_at, s.created_at
    FROM evaluations e JOIN snapshots s USING (snapshot_id)
    UNION ALL
    SELECT 'deployment ' || d.deployment_id, 'its approval', d.intended_at, a.answered_at
    FROM deployments d JOIN approvals a USING (approval_id)
    UNION ALL
    SELECT 'deployment ' || d.deployment_id, 'its intent', d.finished_at, d.intended_at
    FROM deployments d WHERE d.finished_at IS NOT NULL
    ORDER BY 1
    """
)


def times(connection: Connection, *, at: datetime | None = None) -> list[str]:
    """Rows dated before what they rest on, or in the future; `at` is the time of the check, now by default."""
    latest = (at or clock.now()) + ledger.CLOCK_TOLERANCE
    problems: list[str] = []
    for row in connection.execute(TIMES):
        if row.at < row.after - ledger.CLOCK_TOLERANCE:
            problems.append(f"{row.later} is dated before {row.earlier}")
        if row.at > latest:
            problems.append(f"{row.later} is dated in the future")
    return problems


def snapshot_rows(connection: Connection, since: VerifiedPoint | None = None) -> list[str]:
    """Snapshots whose rows are not those that were recorded, and rows that an erasure took and that are there again."""
    problems: list[str] = []
    after = since.sequence if since else None
    checked: dict[int, str | None] = {}
    recorded = {
        int(facts["snapshot_id"]): facts
        for facts in (entry.facts() for entry in ledger.genuine_entries(connection, ("snapshot",), after=after))
    }
    # a snapshot of an earlier release is verified again when its rows get commitments
    for entry in ledger.genuine_entries(connection, (snapshot_proofs.COMMITTED,), after=after):
        recorded.setdefault(int(entry.facts()["snapshot_id"]), entry.facts() | {"uri": ""})
    verified = verified_points.read_chunks(connection, since.chunks) if since else frozenset[int]()
    for facts in recorded.values():
        problem = snapshot_proofs.snapshot_problem(connection, facts, checked, verified=verified)
        if problem:
            problems.append(f"snapshot {facts['snapshot_id']}: its rows in the database were changed: {problem}")
    again = snapshot_proofs.resurrected(connection)
    return problems + [f"row {row_id} of snapshots was erased, and is there again" for row_id in again]


def training_records(connection: Connection, since: VerifiedPoint | None = None) -> list[str]:
    """Evaluated versions whose training record is not the one of the evaluation."""
    since = _same_rows(connection, since)
    entries = list(ledger.genuine_entries(connection, ("evaluation",), after=since.sequence if since else None))
    hashes = [(entry.facts(), entry.facts().get("training_hashes") or {}) for entry in entries]
    named = {int(version) for _, recorded in hashes for version in recorded}
    query = select(ModelVersionRow.version, ModelVersionRow.training).where(ModelVersionRow.version.in_(named))
    current = {str(row.version): hash_text(canonical_json(row.training)) for row in connection.execute(query)}
    return [
        f"training {version}: its training record is not the one of evaluation {facts['evaluation_id']}"
        for facts, recorded in hashes
        for version, digest in recorded.items()
        if current.get(version) != digest
    ]


def snapshot_ids(connection: Connection) -> list[int]:
    """Ids of all snapshots."""
    return list(connection.execute(select(SnapshotRow.snapshot_id).order_by(SnapshotRow.snapshot_id)).scalars())


def counts(connection: Connection) -> dict[str, int]:
    """Number of rows of each audited table and of the ledger."""
    tables = {name: table for name, (table, _) in TABLES.items()}
    return {
        **{
            name: connection.execute(text(f"SELECT count(*) FROM {table.name}")).scalar_one()
            for name, table in tables.items()
        },
        "ledger": connection.execute(text("SELECT count(*) FROM ledger")).scalar_one(),
    }
