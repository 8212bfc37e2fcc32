"""Verify everything against the ledger: chain, signatures, anchors, facts, evidence, answers, aliases, artefacts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from sentiment_lib import progress
from sentiment_lib.errors import LedgerBroken, NotFound, RegistryUnavailable, UnsafeArtefact
from sentiment_lib.records import Snapshot
from sentiment_lib.registry import mlflow_erasure
from sentiment_lib.registry.mlflow_registry import CHALLENGER, CHAMPION, Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.operations import airflow_responses
from sentiment_lib.steps.training import snapshot_files
from sentiment_lib.storage import (
    anchors,
    approval_audit,
    audit,
    decisions,
    deployments,
    erasure_audit,
    forged_approvals,
    ledger,
    model_versions,
    person_tokens,
    role_settings,
    snapshots,
    version_erasures,
)
from sentiment_lib.storage.engine import Store

#: A check returns its problems as sentences.
Check = Callable[[Connection], list[str]]


@dataclass(frozen=True, kw_only=True)
class VerifyResult:
    """`problems`, empty when everything verifies, and `checked`: the number of rows of each kind."""

    problems: tuple[str, ...]
    checked: dict[str, int]
    #: what could not be checked
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems


def run(store: Store, settings: Settings, *, artefacts: bool = True) -> VerifyResult:
    """Verify; artefacts=False skips the bytes of packages and snapshots, which take most of the time."""
    registry = Registry(settings)
    with store.one_moment() as connection:
        versions = model_versions.all_versions(connection)
        erased = version_erasures.erased_versions(connection)
        snapshot_ids = audit.snapshot_ids(connection)
        problems = records(connection)
        checked = audit.counts(connection)
        answers = approval_audit.responses_in_airflow(connection)
        stored = [snapshots.by_id(connection, snapshot_id) for snapshot_id in snapshot_ids]
    # an anchor that was appended meanwhile names a row which that moment did not have
    with store.begin() as connection:
        problems += _finish(partial(anchors.broken, path=store.anchors_file), connection)
        problems += _aliases(connection, registry)
    if artefacts:
        total = len(versions) + len(stored)
        for number, version in enumerate(versions):
            progress.report(f"Reading the package of version {version.version}", number, total)
            if version.version in erased:
                problems += _erased_package(registry, version.version)
            else:
                problems += _package(registry, version.version, version.digest)
        problems += snapshot_artefacts(store, settings, stored, done=len(versions))
    progress.report("Comparing answers with Airflow's record")
    differing, notes = airflow_responses.compare(settings, answers)
    return VerifyResult(problems=(*problems, *differing), checked=checked, notes=tuple(notes))


def snapshot_artefacts(store: Store, settings: Settings, stored: Sequence[Snapshot], *, done: int = 0) -> list[str]:
    """Problems of the files of these snapshots; a chunk that several share is read once.

    done: number of artefacts that were read before, for the progress.
    """
    problems, read = list[str](), set[int]()
    for number, snapshot in enumerate(stored, start=done):
        progress.report(f"Reading snapshot {snapshot.snapshot_id}", number, done + len(stored))
        try:
            snapshot_files.verify(store, settings, snapshot, read)
        except LedgerBroken as error:
            problems.append(f"snapshot {snapshot.snapshot_id}: {error.details.get('problem', error)}")
    return problems


def records(connection: Connection) -> list[str]:
    """Problems in the database: hash chain, signatures, times, facts, evidence, deployments, approvals."""
    checks: tuple[Check, ...] = (
        ledger.broken,
        audit.facts_against_ledger,
        audit.evidence,
        audit.moves,
        audit.times,
        audit.snapshot_rows,
        audit.training_records,
        forged_approvals.forged_approvals,
        approval_audit.approvals,
        approval_audit.origins,
        person_tokens.against_ledger,
        role_settings.unexpected,
        role_settings.large_objects,
        erasure_audit.requests,
        erasure_audit.made,
        erasure_audit.resurrected,
        erasure_audit.versions,
    )
    return [problem for check in checks for problem in _finish(check, connection)]


def _finish(check: Check, connection: Connection) -> list[str]:
    """Problems of one check; an exception caused by a tampered row becomes a problem, so that the others still run."""
    try:
        return check(connection)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        name = getattr(check, "__name__", "anchors").replace("_", " ")
        return [f"the check of {name} stopped at a row that cannot be read ({type(error).__name__}: {error})"]


def _aliases(connection: Connection, registry: Registry) -> list[str]:
    try:
        champion = model_versions.champion(connection)
    except LedgerBroken as error:
        return [str(error)]
    expected, actual = champion.version if champion else None, registry.alias(CHAMPION)
    problems = []
    move = deployments.pending_move(connection)
    if move:
        problems.append(
            f"deployment {move.deployment_id} ({move.kind} to version {move.to_version}) was interrupted: "
            "run `sentiment reconcile`"
        )
    elif expected != actual:
        problems.append(f"the alias champion names version {actual}, but the ledger says {expected}")
    challenger = registry.alias(CHALLENGER)
    if challenger is not None and challenger not in {
        *(decision.candidate_version for decision in decisions.waiting(connection)),
        *decisions.approved_and_not_moved(connection),
    }:
        problems.append(f"the alias challenger names version {challenger}, which has no pending approval")
    return problems


def _erased_package(registry: Registry, version: int) -> list[str]:
    """A package that learned from a forgotten tweet, and is there again."""
    again = mlflow_erasure.has_package(registry, version)
    return [f"model version {version}: its package was erased, and is there again"] if again else []


def _package(registry: Registry, version: int, digest: str) -> list[str]:
    """Problems of the package in the registry itself, not of the local copy."""
    from sentiment_lib.registry import model_package

    try:
        registered = registry.get(version)
        if problem := registry.signature_problem(registered):
            return [f"model version {version}: {problem}"]
        if registered.digest != digest:
            return [f"model version {version}: the registry names another digest than the ledger"]
        with tempfile.TemporaryDirectory(prefix="verify-") as scratch:
            model_package.verify(registry.download(version, Path(scratch)), digest)
    except UnsafeArtefact as error:
        return [f"model version {version}: {error.details.get('problem', error)} ({error.details.get('artefact', '')})"]
    except (NotFound, RegistryUnavailable, OSError) as error:
        return [f"model version {version}: its package cannot be downloaded: {error}"]
    return []
