"""The one way in which the champion alias moves: intent, compare-and-swap, done.

The database is the truth and the alias its projection. A process may die between any two lines here: the intent that
it leaves is found by the next move and by `maintain`, which finish it when the alias allows, and else undo it.
"""

from __future__ import annotations

from sentiment_lib.errors import ChampionMoved, NotFound
from sentiment_lib.records import Deployment
from sentiment_lib.registry.mlflow_registry import CHALLENGER, CHAMPION, Registry
from sentiment_lib.storage import deployments
from sentiment_lib.storage.engine import Store, lock


def carry_out(store: Store, registry: Registry, deployment: Deployment) -> Deployment:
    """Move the alias for an intent and close it; ChampionMoved (and the intent undone) when the alias is elsewhere.

    The advisory lock is held from the look at the alias to the commit, because MLflow has no compare-and-set.
    """
    with store.begin() as connection:
        lock(connection, "champion")
        if deployments.pending_move(connection) is None:  # another process finished it
            return deployments.by_id(connection, deployment.deployment_id)
        found = registry.alias(CHAMPION)
        if found not in (deployment.from_version, deployment.to_version):
            deployments.close_move(connection, deployment, "undone", f"the alias was at version {found}")
            undone = True
        else:
            if found != deployment.to_version:
                registry.set_alias(CHAMPION, deployment.to_version)
            if registry.alias(CHALLENGER) == deployment.to_version:
                registry.drop_alias(CHALLENGER)
            deployment = deployments.close_move(connection, deployment, "done")
            undone = False
    if undone:
        raise ChampionMoved(actual=found, expected=deployment.from_version)
    return deployment


def finish_interrupted(store: Store, registry: Registry) -> Deployment | None:
    """Finish or undo what a killed process left; None when nothing was left."""
    with store.begin() as connection:
        left = deployments.pending_move(connection)
    if left is None:
        return None
    try:
        return carry_out(store, registry, left)
    except ChampionMoved:
        return left
    except NotFound as error:
        with store.begin() as connection:
            lock(connection, "champion")
            return deployments.close_move(connection, left, "undone", str(error))
