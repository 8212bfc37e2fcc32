"""Bootstrap the first champion: VADER, which needs no training."""

from __future__ import annotations

from sentiment_lib.records import AliasMove, ModelVersion
from sentiment_lib.registry.mlflow_registry import CHAMPION, Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.deployment import champion_alias
from sentiment_lib.steps.training import train
from sentiment_lib.storage import deployments, model_versions
from sentiment_lib.storage.engine import Store, lock

FIRST_FAMILY = "vader"


def run(store: Store, settings: Settings) -> ModelVersion:
    """The champion; VADER is registered and deployed when there is none yet.

    Raises ChampionMoved when the alias was moved at the same time.
    """
    registry = Registry(settings)
    with store.begin() as connection:
        champion = model_versions.champion(connection)
    if champion:
        return champion
    champion_alias.finish_interrupted_move(store, registry)
    first = train.register_untrained(store, settings, family=FIRST_FAMILY)
    with store.exclusive("alias"):
        with store.begin() as connection:
            champion = model_versions.champion(connection)
        # an alias without a deployment: the registry is older than the database, so drop the alias
        if champion is None and registry.alias(CHAMPION) not in (None, first.version):
            registry.drop_alias(CHAMPION)
    with store.begin() as connection:
        lock(connection, "champion")
        champion = model_versions.champion(connection)
        if champion:
            return champion
        first_move = AliasMove(kind="bootstrap", from_version=None, to_version=first.version)
        intent = deployments.pending_move(connection) or deployments.begin_move(connection, first_move)
    champion_alias.execute_move(store, registry, intent)
    return first
