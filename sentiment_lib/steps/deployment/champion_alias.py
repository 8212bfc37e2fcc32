"""Move the champion alias: intent, compare-and-swap, done. Only this module sets the alias `champion`.

The database is the source of truth, and the alias follows it. A process may be killed between any two lines here: the
next move and `reconcile` find the open intent, and finish it if the alias is where it should be, or else undo it.
"""

from __future__ import annotations

import logging

from sqlalchemy import Connection

from sentiment_lib.errors import BadInput, ChampionMoved, MoveUnfinished, NotFound, RegistryUnavailable
from sentiment_lib.policy import ApprovalPolicy
from sentiment_lib.records import Deployment, Severity
from sentiment_lib.registry.mlflow_registry import CHALLENGER, CHAMPION, Registry
from sentiment_lib.storage import anchors, deployment_states, deployments
from sentiment_lib.storage.alerts import open_alert
from sentiment_lib.storage.engine import Store, lock

log = logging.getLogger(__name__)


def require_reason(reason: str, policy: ApprovalPolicy) -> None:
    """Raise BadInput for a reason of a move by hand that is too short to read later."""
    if len(reason.strip()) < policy.shortest_reason:
        problem = f"write at least {policy.shortest_reason} characters; the ledger keeps them"
        raise BadInput(what="the reason", problem=problem)


def execute_move(store: Store, registry: Registry, deployment: Deployment) -> Deployment:
    """Move the alias and close the intent. Raises ChampionMoved, with the intent undone, when the alias is elsewhere.

    One process at a time moves aliases, because MLflow has no compare-and-swap. The lock "champion" is free meanwhile:
    a registry that does not respond holds up no other command. Raises Busy while another process moves an alias,
    MoveUnfinished when the registry does not respond: the intent stays.
    """
    with store.exclusive("alias"):
        with store.begin() as connection:
            pending = deployments.pending_move(connection)
            if pending is None or pending.deployment_id != deployment.deployment_id:  # another process finished it
                return deployments.by_id(connection, deployment.deployment_id)
        try:
            actual = registry.alias(CHAMPION)
            elsewhere = actual not in (deployment.from_version, deployment.to_version)
            if actual is None and deployment.from_version is not None and not registry.exists(deployment.from_version):
                # MLflow deletes an alias with its version: the way back must stay open
                elsewhere = False
            if not elsewhere:
                if actual != deployment.to_version:
                    registry.set_alias(CHAMPION, deployment.to_version)
                if registry.alias(CHALLENGER) == deployment.to_version:
                    registry.drop_alias(CHALLENGER)
        except RegistryUnavailable as error:
            raise MoveUnfinished(version=deployment.to_version, problem=error) from error
        with store.begin() as connection:
            lock(connection, "champion")
            state, why = ("undone", f"the alias was at version {actual}") if elsewhere else ("done", None)
            deployment = deployments.close_move(connection, deployment, state, why)
    anchors.append(store)
    if elsewhere:
        raise ChampionMoved(actual=actual, expected=deployment.from_version)
    return deployment


def finish_interrupted_move(store: Store, registry: Registry) -> Deployment | None:
    """Finish or undo the move of a killed process; None when there is none.

    A deployment that the platform did not sign is not finished: it is undone, with a critical alert.
    """
    with store.begin() as connection:
        lock(connection, "champion")
        for change in deployment_states.restore(connection):
            _report_forged(connection, change)
        pending = deployments.pending_move(connection)
    if pending is None:
        return None
    try:
        return execute_move(store, registry, pending)
    except ChampionMoved:
        return pending
    except NotFound as error:
        with store.begin() as connection:
            lock(connection, "champion")
            return deployments.close_move(connection, pending, "undone", str(error))


def _report_forged(connection: Connection, change: str) -> None:
    log.critical("%s", change)
    open_alert(
        connection,
        kind="forged_deployment",
        severity=Severity.CRITICAL,
        dedup_key=f"forged_deployment/{change}",
        title="Somebody changed the table of deployments",
        body=f"{change[0].upper()}{change[1:]}. It has no effect on the champion.",
    )
