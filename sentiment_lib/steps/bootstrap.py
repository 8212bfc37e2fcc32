"""The first champion: VADER, which needs no training. Does nothing when there is a champion."""

from __future__ import annotations

from sentiment_lib.records import ModelVersion
from sentiment_lib.registry.models import CHAMPION, Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps import moving, train
from sentiment_lib.storage import deployments, models
from sentiment_lib.storage.engine import Store, lock

FIRST_FAMILY = "vader"


def run(store: Store, settings: Settings) -> ModelVersion:
    """The champion; made from VADER when there is none yet."""
    registry = Registry(settings)
    with store.begin() as connection:
        found = models.champion(connection)
    if found:
        return found
    moving.finish_interrupted(store, registry)
    first = train.untrained(store, settings, family=FIRST_FAMILY)
    with store.begin() as connection:
        lock(connection, "champion")
        found = models.champion(connection)
        if found:
            return found
        # an alias without a deployment is a registry that outlived its database: take it from where it is
        elsewhere = registry.alias(CHAMPION)
        if elsewhere not in (None, first.version):
            registry.drop_alias(CHAMPION)
        intent = deployments.under_way(connection) or deployments.intend(
            connection, kind="first", from_version=None, to_version=first.version
        )
    moving.carry_out(store, registry, intent)
    return first
