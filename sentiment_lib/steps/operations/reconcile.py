"""Make database and registry agree again, and close what ran out."""

from __future__ import annotations

import logging
import math
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from sentiment_lib.errors import NotFound, UnsafeArtefact
from sentiment_lib.records import ApprovalResponse, Deployment, ModelVersion, Severity
from sentiment_lib.registry.mlflow_registry import CHALLENGER, CHAMPION, Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.decisions import record_approval
from sentiment_lib.steps.deployment import champion_alias
from sentiment_lib.storage import decisions, deployments, model_versions
from sentiment_lib.storage.alerts import open_alert
from sentiment_lib.storage.engine import Store, lock

log = logging.getLogger(__name__)

#: Drafts and downloads of killed processes are removed when they are this old.
STALE = timedelta(hours=6)
#: Trainings that nobody went on with are given up after this time: a person may want to, after a weekend.
ABANDONED = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class MaintainResult:
    """What had to be mended; all empty on a quiet day."""

    #: an interrupted move that was finished or undone
    finished: Deployment | None
    #: the deployment that answered a move of the alias from outside
    reconciled: Deployment | None
    #: decisions whose question ran out
    expired: tuple[int, ...]
    #: leftover files that were removed
    removed: int


def run(store: Store, settings: Settings, *, at: datetime | None = None) -> MaintainResult:
    """One round of house-keeping; each part is safe to be killed in and to be run again."""
    registry, moment = Registry(settings), at or datetime.now(UTC)
    finished = champion_alias.finish_interrupted(store, registry)
    reconciled = _reconcile(store, settings, registry)
    expired = _expire(store, settings, moment)
    with store.begin() as connection:
        lock(connection, "champion")
        _clear_challenger(connection, registry)
    return MaintainResult(finished=finished, reconciled=reconciled, expired=expired, removed=_sweep(settings, moment))


def _reconcile(store: Store, settings: Settings, registry: Registry) -> Deployment | None:
    """Answer a move of `champion` that the ledger knows nothing of: put it back, or adopt it, by policy."""
    with store.begin() as connection:
        lock(connection, "champion")
        champion = model_versions.champion(connection)
        if champion is None or deployments.pending_move(connection):
            return None
        found = registry.alias(CHAMPION)
        if found == champion.version:
            return None
        known = _usable(connection, registry, found)
        adopt = settings.policy.approval.out_of_band == "adopt" and known is not None
        reason = f"the alias was moved to {found or 'nothing'} outside the platform"
        intent = deployments.begin_move(
            connection,
            kind="adopted" if adopt else "restored",
            from_version=champion.version if adopt else (known.version if known else None),
            to_version=known.version if adopt and known else champion.version,
            reason=reason,
            moved_by="maintain",
        )
        open_alert(
            connection,
            kind="alias_moved",
            severity=Severity.CRITICAL,
            dedup_key=f"alias_moved/{found}/{champion.version}",
            title=f"Someone moved the champion from version {champion.version} to {found or 'nothing'}",
            body=f"It was {intent.kind} by policy. The registry does not tell who moved it.",
        )
        if not adopt and known is None:
            # a version that the database does not know has no row to move from: take the alias away first
            registry.drop_alias(CHAMPION)
    return champion_alias.carry_out(store, registry, intent)


def _usable(connection: Connection, registry: Registry, version: int | None) -> ModelVersion | None:
    """The version, when the database knows it and its package is what was registered."""
    if version is None:
        return None
    try:
        known = model_versions.by_version(connection, version)
        registry.fetch(version, known.digest)
    except (NotFound, UnsafeArtefact) as error:
        log.warning("Version %s cannot be adopted: %s", version, error)
        return None
    return known


def _clear_challenger(connection: Connection, registry: Registry) -> None:
    """`challenger` names only a version whose question waits."""
    named = registry.alias(CHALLENGER)
    if named is None:
        return
    waiting = {one.candidate_version for one in decisions.waiting(connection)}
    approved = decisions.approved_and_not_moved(connection)
    if named not in waiting | approved:
        registry.drop_alias(CHALLENGER)


def _expire(store: Store, settings: Settings, moment: datetime) -> tuple[int, ...]:
    """Close questions that nobody answered in time; Airflow usually does it first."""
    # an hour of grace: Airflow's own expiry comes first, and its run then finds nothing left to record
    oldest = moment - settings.policy.approval.expires_after - timedelta(hours=1)
    with store.begin() as connection:
        late = [one.decision_id for one in decisions.waiting(connection) if one.decided_at < oldest]
    for number in late:
        record_approval.run(store, settings, ApprovalResponse(decision_id=number, response="expired"))
    return tuple(late)


def _sweep(settings: Settings, moment: datetime) -> int:
    """Remove what killed processes left half done: drafts of snapshots, downloads of packages, trainings."""
    left: list[Path] = []
    if settings.snapshots.is_dir():
        left += settings.snapshots.glob(".snapshot-*")
    cache = settings.home / "cache" / "models"
    if cache.is_dir():
        left += cache.glob(".download-*")
    old = [path for path in left if path.stat().st_mtime < (moment - STALE).timestamp()]
    abandoned = (moment - ABANDONED).timestamp()
    old += [path for path in settings.checkpoints.glob("*") if _touched(path) < abandoned]
    for path in old:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return len(old)


def _touched(folder: Path) -> float:
    """When anything below was last written, in seconds since 1970."""
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    except FileNotFoundError:
        # a training at work there replaced a file in this moment
        return math.inf
