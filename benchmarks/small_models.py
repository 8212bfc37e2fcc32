"""Model versions that train in a moment, packaged where a digest finds them, and served without MLflow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from sentiment_lib.families import catalog
from sentiment_lib.families.base import Model
from sentiment_lib.records import AliasMove
from sentiment_lib.registry import model_package
from sentiment_lib.storage import deployments
from sentiment_lib.storage.engine import Store

TWEETS = {
    "negative": ["@united worst flight ever, lost my bag", "never again, three hours late and so rude"],
    "neutral": ["does flight 12 leave from gate 4 today?", "when will boarding begin"],
    "positive": ["thank you @delta great crew and lovely seats", "love love love the new seats!"],
}
TEXTS = [one for some in TWEETS.values() for one in some] * 20
LABELS = [label for label, some in TWEETS.items() for _ in some] * 20


@dataclass(frozen=True, kw_only=True)
class SmallVersion:
    """A packaged version; `model` is what was packaged."""

    version: int
    family: str
    digest: str
    model: Model


def packaged(cache: Path, *families: str) -> list[SmallVersion]:
    """Version 1, 2, … of these families, each in `cache` under its digest."""
    versions = []
    for version, family in enumerate(families, start=1):
        model = catalog.train(family, TEXTS, LABELS, seed=1)
        digest = model_package.write(model, cache / family)
        (cache / family).rename(cache / digest)
        versions.append(SmallVersion(version=version, family=family, digest=digest, model=model))
    return versions


def enter(store: Store, version: int, family: str, digest: str) -> None:
    """Make the version known to the database."""
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
                "VALUES (:version, :family, :digest, :key, :key)"
            ),
            {"version": version, "family": family, "digest": digest, "key": f"{family} {version}"},
        )


def deploy(store: Store, version: int, kind: str = "forced") -> None:
    """Make the version champion, as a finished deployment does."""
    move = AliasMove(kind=kind, from_version=None, to_version=version, reason="no decision: a small model")
    with store.begin() as connection:
        deployments.close_move(connection, deployments.begin_move(connection, move), "done")
