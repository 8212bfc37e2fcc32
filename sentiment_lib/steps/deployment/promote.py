"""Promote the candidate of an approved decision to champion, or of any decision by force with a critical alert."""

from __future__ import annotations

from sqlalchemy import Connection

from sentiment_lib.errors import ApprovalVoid, ChampionMoved
from sentiment_lib.records import AliasMove, Decision, Deployment, Severity
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.deployment import champion_alias, rollback_choices
from sentiment_lib.storage import (
    approval_audit,
    decisions,
    deployments,
    forged_records,
    model_versions,
    version_erasures,
)
from sentiment_lib.storage.alerts import open_alert
from sentiment_lib.storage.engine import Store, lock


def run(store: Store, settings: Settings, *, decision_id: int) -> Deployment:
    """The deployment of an approved decision; run again, it returns or finishes the same one.

    Raises NotFound for an unknown decision, ApprovalVoid without an approval, ChampionMoved when the champion is not
    the version that was compared, UnsafeArtefact when the package is not what was evaluated, RecordForged for a
    decision that the platform did not record.
    """
    return _promote(store, settings, decision_id, None, None)


def force(store: Store, settings: Settings, *, decision_id: int, reason: str, by: str) -> Deployment:
    """Promote without regard to gate and approval: a deployment of kind "forced", with a critical alert.

    Raises BadInput without a reason, NotFound for an unknown decision, ChampionMoved and UnsafeArtefact as `run` does.
    """
    champion_alias.require_reason(reason, settings.policy.approval)
    return _promote(store, settings, decision_id, reason.strip(), by)


def _promote(store: Store, settings: Settings, decision_id: int, reason: str | None, by: str | None) -> Deployment:
    registry = Registry(settings)
    forged_records.require_recorded(store, "decision", decision_id)
    champion_alias.finish_interrupted_move(store, registry)
    with store.begin() as connection:
        decision = decisions.by_id(connection, decision_id)
        candidate = model_versions.by_version(connection, decision.candidate_version)
        existing = deployments.of_decision(connection, decision_id)
        if not (existing and existing[1] == "done"):
            _refuse_learned_from_forgotten(connection, decision)
    registry.fetch(candidate.version, candidate.digest)
    with store.begin() as connection:
        lock(connection, "champion")
        existing = deployments.of_decision(connection, decision_id)
        if existing and existing[1] == "done":
            return existing[0]
        pending = deployments.pending_move(connection)
        if pending:
            # another process has recorded its intent and not yet moved the alias
            raise ChampionMoved(actual=pending.to_version, expected=decision.champion_version)
        if existing and existing[1] == "undone" and reason is None:
            raise ApprovalVoid(decision=decision_id, problem="its promotion was undone: the alias had been moved")
        approval = decisions.approval(connection, decision_id)
        if reason is None and (approval is None or approval.response != "approved"):
            state = approval.response if approval else "not answered"
            raise ApprovalVoid(decision=decision_id, problem=f"nobody approved it ({state})")
        if reason is None and approval and (problem := approval_audit.invalidity(connection, approval)):
            raise ApprovalVoid(decision=decision_id, problem=problem)
        if reason is None and approval and approval.evidence_hash != decision.evidence_hash:
            raise ApprovalVoid(decision=decision_id, problem="the evidence is not what was approved")
        _refuse_learned_from_forgotten(connection, decision)
        champion = model_versions.champion(connection)
        serving = champion.version if champion else None
        if serving != decision.champion_version:
            raise ChampionMoved(actual=serving, expected=decision.champion_version)
        intent = deployments.begin_move(
            connection,
            AliasMove(
                kind="promotion" if reason is None else "forced",
                from_version=serving,
                to_version=decision.candidate_version,
                approval_id=approval.approval_id if approval and reason is None else None,
                decision_id=decision_id,
                reason=reason if reason is not None else approval.reason if approval else None,
                moved_by=by if reason is not None else approval.answered_by if approval else None,
            ),
        )
        if reason is not None:
            open_alert(
                connection,
                kind="forced_promotion",
                severity=Severity.CRITICAL,
                dedup_key=f"forced_promotion/{decision_id}",
                title=f"Version {decision.candidate_version} was promoted by force",
                body=f"{by} promoted it although the gate said {decision.verdict}: {reason}",
                evidence_link=f"/sentiment/decisions/{decision_id}",
            )
    deployment = champion_alias.execute_move(store, registry, intent)
    rollback_choices.offer(store, settings)
    return deployment


def _refuse_learned_from_forgotten(connection: Connection, decision: Decision) -> None:
    if version_erasures.named(connection, [decision.candidate_version]):
        problem = f"version {decision.candidate_version} learned from a tweet that was forgotten"
        raise ApprovalVoid(decision=decision.decision_id, problem=problem)
