"""Is everything what the ledger says? Chain, facts, evidence, deployments, aliases, artefacts; each fault by name."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from sentiment_lib.errors import LedgerBroken, NotFound, UnsafeArtefact
from sentiment_lib.registry.mlflow_registry import CHALLENGER, CHAMPION, Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training import snapshot as snapshot_step
from sentiment_lib.storage import audit, decisions, deployments, ledger, model_versions, snapshots
from sentiment_lib.storage.engine import Store


@dataclass(frozen=True, kw_only=True)
class VerifyResult:
    """`problems` is empty when all is well; `checked` counts what was looked at."""

    problems: tuple[str, ...]
    checked: dict[str, int]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def run(store: Store, settings: Settings, *, artefacts: bool = True) -> VerifyResult:
    """Check everything; artefacts=False leaves out the bytes of packages and snapshots, the slow part."""
    registry = Registry(settings)
    with store.begin() as connection:
        versions = model_versions.all_versions(connection)
        numbers = audit.snapshot_ids(connection)
        problems = [*records(connection), *_aliases(connection, registry)]
        checked = audit.counts(connection)
        frozen = [snapshots.by_id(connection, number) for number in numbers]
    if artefacts:
        for version in versions:
            problems += _package(registry, version.version, version.digest)
        for snapshot in frozen:
            try:
                snapshot_step.read(settings, snapshot)
            except LedgerBroken as error:
                problems.append(f"snapshot {snapshot.snapshot_id}: {error.details.get('problem', error)}")
    return VerifyResult(problems=tuple(problems), checked=checked)


def records(connection: Connection) -> list[str]:
    """What the database alone can tell: chain, facts, evidence, deployments."""
    return [
        *ledger.broken(connection),
        *audit.facts_against_ledger(connection),
        *audit.evidence(connection),
        *audit.moves(connection),
    ]


def _aliases(connection: Connection, registry: Registry) -> list[str]:
    champion = model_versions.champion(connection)
    expected, found = champion.version if champion else None, registry.alias(CHAMPION)
    problems = []
    left = deployments.pending_move(connection)
    if left:
        problems.append(
            f"deployment {left.deployment_id} ({left.kind} to version {left.to_version}) was interrupted: run maintain"
        )
    elif expected != found:
        problems.append(f"alias champion names version {found}, and the ledger says {expected}")
    named = registry.alias(CHALLENGER)
    if named is not None and named not in {
        *(one.candidate_version for one in decisions.waiting(connection)),
        *decisions.approved_and_not_moved(connection),
    }:
        problems.append(f"alias challenger names version {named}, and no question waits for it")
    return problems


def _package(registry: Registry, version: int, digest: str) -> list[str]:
    """Look at what the registry holds now, not at our copy of it."""
    from sentiment_lib.registry import model_package

    try:
        if registry.get(version).digest != digest:
            return [f"model version {version}: the registry names another digest than the ledger"]
        with tempfile.TemporaryDirectory(prefix="verify-") as scratch:
            model_package.verify(registry.download(version, Path(scratch)), digest)
    except UnsafeArtefact as error:
        return [f"model version {version}: {error.details.get('problem', error)} ({error.details.get('artefact', '')})"]
    except (NotFound, OSError) as error:
        return [f"model version {version}: its package cannot be had: {error}"]
    return []
