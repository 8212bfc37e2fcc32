"""Roll the champion back to a version that served before."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from sentiment_lib.errors import BadInput, ChampionMoved
from sentiment_lib.records import AliasMove, Deployment, Severity
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.deployment import champion_alias, rollback_choices
from sentiment_lib.storage import deployments, forged_records, model_versions, version_erasures
from sentiment_lib.storage.alerts import NewAlert, open_alert
from sentiment_lib.storage.engine import Store, lock

#: Kind of the alert about a rollback by a person.
ALERT = "rolled_back_by_hand"


def run(
    store: Store,
    settings: Settings,
    *,
    to_version: int,
    reason: str,
    by: str,
    alert: NewAlert,
    claim: Callable[[Connection], None] | None = None,
) -> Deployment:
    """The deployment that moved the alias back; run again after a kill, it finishes or returns the same one.

    The alert opens together with the intent, and so does whatever `claim` records, which may raise to end it. Only an
    earlier champion is allowed, since it was approved once. Raises BadInput for another version or without a reason,
    NotFound for an unknown version, ChampionMoved during another move, UnsafeArtefact when its package was changed,
    RecordForged when its row is not what was recorded.
    """
    champion_alias.require_reason(reason, settings.policy.approval)
    registry = Registry(settings)
    champion_alias.finish_interrupted_move(store, registry)
    with store.begin() as connection:
        target = model_versions.by_version(connection, to_version)
        if version_erasures.named(connection, [to_version]):
            raise BadInput(what="version", problem=f"{to_version} learned from tweets that were forgotten")
    forged_records.require_recorded(store, "training", to_version)
    registry.fetch(target.version, target.digest)
    with store.begin() as connection:
        lock(connection, "champion")
        champion = model_versions.champion(connection)
        newest = deployments.last_move(connection)
        if champion and champion.version == to_version:
            if newest and (newest.kind, newest.reason) == ("rollback", reason.strip()):
                return deployments.by_id(connection, newest.deployment_id)
            raise BadInput(what="version", problem=f"{to_version} is the champion already")
        pending = deployments.pending_move(connection)
        if pending:
            raise ChampionMoved(actual=pending.to_version, expected=champion.version if champion else None)
        if not deployments.served_before(connection, to_version):
            raise BadInput(what="version", problem=f"{to_version} was never the champion: promote it instead")
        if claim is not None:
            claim(connection)
        open_alert(connection, **vars(alert))
        intent = deployments.begin_move(
            connection,
            AliasMove(
                kind="rollback",
                from_version=champion.version if champion else None,
                to_version=to_version,
                reason=reason.strip(),
                moved_by=by,
            ),
        )
    deployment = champion_alias.execute_move(store, registry, intent)
    rollback_choices.offer(store, settings)
    return deployment


def by_hand(store: Store, settings: Settings, *, to_version: int, reason: str, by: str) -> Deployment:
    """Roll back in the name of a person who may; raises as `run`."""
    with store.begin() as connection:
        alert = alert_by_hand(connection, to_version=to_version, reason=reason, by=by)
    return run(store, settings, to_version=to_version, reason=reason, by=by, alert=alert)


def alert_by_hand(connection: Connection, *, to_version: int, reason: str, by: str) -> NewAlert:
    """The critical alert of a rollback by a person: nobody approves it, so everybody hears of it."""
    champion = model_versions.champion(connection)
    before = champion.version if champion else None
    return NewAlert(
        kind=ALERT,
        severity=Severity.CRITICAL,
        dedup_key=f"{ALERT}/{before}/{to_version}",
        title=f"{by} rolled the champion back to version {to_version}",
        body=f"From version {before}, without an approver's answer: {reason.strip()}",
        evidence_link=f"/sentiment/models/{to_version}",
    )
