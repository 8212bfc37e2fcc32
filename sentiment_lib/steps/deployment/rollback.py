"""Roll the champion back to a version that served before."""

from __future__ import annotations

from sqlalchemy import Connection

from sentiment_lib.errors import BadInput, ChampionMoved
from sentiment_lib.records import AliasMove, Deployment
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.deployment import champion_alias
from sentiment_lib.storage import deployments, forged_records, ledger, model_versions, version_erasures
from sentiment_lib.storage.alerts import Severity, open_alert
from sentiment_lib.storage.engine import Store, lock

#: Kind of the alert: a rollback is for emergencies and asks no approver, so it is loud.
ALERT = "rolled_back_by_hand"


def run(
    store: Store,
    settings: Settings,
    *,
    to_version: int,
    reason: str,
    by: str,
    run_id: str | None = None,
    by_hand: bool = True,
) -> Deployment:
    """The deployment that moved the alias back; run again after a kill, it finishes or returns the same one.

    A DAG run ("dag_id/run_id") rolls back only once: someone else may clear it and would act in its author's name.
    A critical alert opens, unless it was not done by hand: `auto_rollback` opens its own. Only an earlier champion is
    allowed, since it was approved once. Raises BadInput for another version or without a
    reason, NotFound for an unknown version, ChampionMoved during another move, UnsafeArtefact when its package was
    changed, RecordForged when its row is not what was recorded.
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
        if run_id is not None:
            _claim(connection, run_id, to_version, by)
        if by_hand:
            _alert(connection, champion.version if champion else None, to_version, reason.strip(), by)
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
    return champion_alias.execute_move(store, registry, intent)


def _alert(connection: Connection, champion: int | None, to_version: int, reason: str, by: str) -> None:
    """Open a critical alert: nobody approves a rollback, so everybody hears of it."""
    open_alert(
        connection,
        kind=ALERT,
        severity=Severity.CRITICAL,
        dedup_key=f"{ALERT}/{champion}/{to_version}",
        title=f"{by} rolled the champion back to version {to_version}",
        body=f"From version {champion}, without an approver's answer: {reason}",
        evidence_link=f"/sentiment/models/{to_version}",
    )


def _claim(connection: Connection, run_id: str, to_version: int, by: str) -> None:
    """Record that this run rolls back. Raises BadInput when it has done so before."""
    if run_id in {entry.facts().get("run") for entry in ledger.genuine_entries(connection, ("command",))}:
        raise BadInput(what=f"run {run_id}", problem="it has rolled back before: trigger a new one")
    facts = {"command": f"rollback {to_version}", "person": by, "channel": "airflow", "run": run_id}
    ledger.append(connection, "command", facts)
