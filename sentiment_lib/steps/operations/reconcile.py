"""Make database and registry agree, expire pending approvals, store labels of feedback, and anchor the ledger."""

from __future__ import annotations

import logging
import math
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sentiment_lib import clock
from sentiment_lib.errors import NotFound, RecordForged, UnsafeArtefact
from sentiment_lib.records import AliasMove, ApprovalResponse, Deployment, ModelVersion, Severity
from sentiment_lib.registry import mlflow_runs
from sentiment_lib.registry.mlflow_registry import CHALLENGER, CHAMPION, Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.decisions import record_approval
from sentiment_lib.steps.deployment import champion_alias, rollback_choices
from sentiment_lib.steps.operations import repair, sign_versions
from sentiment_lib.storage import anchors, decisions, deployments, feedback, forged_records, model_versions
from sentiment_lib.storage.alerts import open_alert
from sentiment_lib.storage.engine import Store, lock

log = logging.getLogger(__name__)

#: Age at which temporary files of killed processes are removed.
STALE = timedelta(hours=6)
#: Age at which an interrupted training's checkpoints are removed; long enough to resume it after a weekend.
ABANDONED = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class ReconcileResult:
    """What was repaired; all empty in the normal case."""

    #: an interrupted deployment that was completed or undone
    finished: Deployment | None
    #: the deployment that restored or adopted an alias moved outside the platform
    reconciled: Deployment | None
    #: decisions whose approval expired
    expired: tuple[int, ...]
    #: number of stale files removed
    removed: int
    #: number of MLflow runs of killed trainings that were closed
    closed: int = 0


def run(store: Store, settings: Settings, *, at: datetime | None = None) -> ReconcileResult:
    """Reconcile once. Every part is idempotent and safe to kill at any point."""
    registry, moment = Registry(settings), at or clock.now()
    sign_versions.run(store, settings, registry)
    finished = champion_alias.finish_interrupted_move(store, registry)
    reconciled = _reconcile(store, settings, registry)
    expired = _expire(store, settings, moment)
    _clear_challenger(store, registry)
    with store.begin() as connection:
        feedback.store_missing_labels(connection)
    anchors.append(store)
    rollback_choices.offer(store, settings)
    # twice the budget: no training that lives takes as long
    oldest = moment - 2 * timedelta(minutes=settings.policy.retrain.budget_minutes)
    return ReconcileResult(
        finished=finished,
        reconciled=reconciled,
        expired=expired,
        removed=_sweep(settings, moment),
        closed=mlflow_runs.close_abandoned(registry, oldest),
    )


def _reconcile(store: Store, settings: Settings, registry: Registry) -> Deployment | None:
    """Restore or adopt, by policy, a `champion` alias that was moved outside the platform; None when it was not."""
    with store.begin() as connection:
        champion = model_versions.champion(connection)
        if champion is None or deployments.pending_move(connection):
            return None
    current = registry.alias(CHAMPION)
    if current == champion.version:
        return None
    if not registry.exists(champion.version):
        _report_deleted(store, champion.version)
        return None
    if repair.set_champion_alias(store, registry) is not None:
        return None  # it went with a deleted version that was registered again; nobody moved it
    version = _find_adoptable(store, registry, current)
    with store.begin() as connection:
        lock(connection, "champion")
        if model_versions.champion(connection) != champion or deployments.pending_move(connection):
            return None  # the platform moved it meanwhile
        adopt = settings.policy.approval.out_of_band == "adopt" and version is not None
        reason = f"the alias was moved to {current or 'nothing'} outside the platform"
        intent = deployments.begin_move(
            connection,
            AliasMove(
                kind="adopted" if adopt else "restored",
                from_version=champion.version if adopt else (version.version if version else None),
                to_version=version.version if adopt and version else champion.version,
                reason=reason,
                moved_by="reconcile",
            ),
        )
        open_alert(
            connection,
            kind="alias_moved",
            severity=Severity.CRITICAL,
            dedup_key=f"alias_moved/{current}/{champion.version}",
            title=f"Someone moved the champion from version {champion.version} to {current or 'nothing'}",
            body=f"It was {intent.kind} by policy. The registry does not record who moved it.",
        )
    if not adopt and version is None:
        # an unknown version cannot be `from_version` of a deployment: delete the alias first
        with store.exclusive("alias"):
            registry.drop_alias(CHAMPION)
    return champion_alias.execute_move(store, registry, intent)


def _report_deleted(store: Store, version: int) -> None:
    """Open an alert: a version that was deleted cannot get its alias back."""
    with store.begin() as connection:
        open_alert(
            connection,
            kind="champion_deleted",
            severity=Severity.CRITICAL,
            dedup_key=f"champion_deleted/{version}",
            title=f"Version {version}, the champion, is no longer in MLflow: someone deleted it there",
            body="Machines that have its package go on scoring with it, others cannot. `sentiment repair` registers it "
            "again; `sentiment rollback` goes back to another version.",
        )


def _find_adoptable(store: Store, registry: Registry, version: int | None) -> ModelVersion | None:
    """The version, if the database knows it and its package has the registered digest."""
    if version is None:
        return None
    try:
        with store.begin() as connection:
            stored = model_versions.by_version(connection, version)
        forged_records.require_recorded(store, "training", version)
        registry.require_signature(version, stored.digest)
        registry.fetch(version, stored.digest)
    except (NotFound, RecordForged, UnsafeArtefact) as error:
        log.warning("Version %s cannot be adopted: %s", version, error)
        return None
    return stored


def _clear_challenger(store: Store, registry: Registry) -> None:
    """Drop the alias `challenger` unless its version has a pending or unexecuted approval."""
    with store.exclusive("alias"):
        challenger = registry.alias(CHALLENGER)
        if challenger is None:
            return
        with store.begin() as connection:
            pending = {decision.candidate_version for decision in decisions.waiting(connection)}
            approved = decisions.approved_and_not_moved(connection)
        if challenger not in pending | approved:
            registry.drop_alias(CHALLENGER)


def _expire(store: Store, settings: Settings, moment: datetime) -> tuple[int, ...]:
    """Expire approvals without a response in time; returns their decisions. Airflow usually expires them first."""
    # an hour of grace, so that Airflow's own expiry comes first and records it
    oldest = moment - settings.policy.approval.expires_after - timedelta(hours=1)
    with store.begin() as connection:
        late = [pending.decision_id for pending in decisions.waiting(connection) if pending.decided_at < oldest]
    for decision_id in late:
        record_approval.run(store, settings, ApprovalResponse(decision_id=decision_id, response="expired"))
    return tuple(late)


def _sweep(settings: Settings, moment: datetime) -> int:
    """Remove incomplete files of killed processes (snapshots, packages, trainings); returns their number."""
    drafts: list[Path] = []
    if settings.snapshots.is_dir():
        drafts += settings.snapshots.glob("*/.*.part")
    cache = settings.home / "cache" / "models"
    if cache.is_dir():
        drafts += cache.glob(".download-*")
    stale = [path for path in drafts if path.stat().st_mtime < (moment - STALE).timestamp()]
    abandoned = (moment - ABANDONED).timestamp()
    stale += [path for path in settings.checkpoints.glob("*") if _last_modified(path) < abandoned]
    for path in stale:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return len(stale)


def _last_modified(folder: Path) -> float:
    """Newest modification time of anything in the folder (Unix seconds)."""
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    except FileNotFoundError:
        # a running training has just replaced a file
        return math.inf
