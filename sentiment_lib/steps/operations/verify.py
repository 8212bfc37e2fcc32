"""Verify everything against the ledger: chain, signatures, anchors, facts, evidence, answers, aliases, artefacts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sentiment_lib import clock, progress
from sentiment_lib.errors import LedgerBroken, NotFound, RegistryUnavailable, SigningKeyMissing, UnsafeArtefact
from sentiment_lib.records import Snapshot
from sentiment_lib.registry import mlflow_erasure
from sentiment_lib.registry.mlflow_registry import CHALLENGER, CHAMPION, Registry
from sentiment_lib.scratch import scratch_folder
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
    verified_points,
    version_erasures,
)
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.verified_points import VerifiedPoint

log = logging.getLogger(__name__)

#: A check returns its problems as sentences.
Check = Callable[[Connection], list[str]]


@dataclass(frozen=True, kw_only=True)
class VerifyResult:
    """`problems`, empty when everything verifies, and `checked`: the number of rows of each kind."""

    problems: tuple[str, ...]
    checked: dict[str, int]
    #: what could not be checked
    notes: tuple[str, ...] = ()
    #: how far it was verified before; None when everything was read
    since: VerifiedPoint | None = None

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems


def run(
    store: Store, settings: Settings, *, whole: bool = True, artefacts: bool = True, record: bool = False
) -> VerifyResult:
    """Verify everything, or what is new since the last recorded verification (whole=False, where one counts).

    artefacts=False skips the bytes of packages and snapshots, which take most of the time. record: append how far
    everything was verified to the ledger, when there is no problem and nothing that could not be checked.
    """
    registry = Registry(settings)
    with store.one_moment() as connection:
        since = None if whole else verified_points.newest(connection)
        versions = model_versions.all_versions(connection)
        erased = version_erasures.erased_versions(connection)
        problems = records(connection, since)
        checked = audit.counts(connection)
        answers = approval_audit.responses_in_airflow(connection, after=since.sequence if since else None)
        stored = [snapshots.by_id(connection, snapshot_id) for snapshot_id in audit.snapshot_ids(connection)]
        chunks = verified_points.read_chunks(connection, since.files) if since else frozenset[int]()
        packages = verified_points.read_packages(connection, since.packages) if since else frozenset[int]()
        newest_package = verified_points.mark_packages(connection)
        point = newest_point(connection, since)
    # an anchor that was appended meanwhile names a row which that moment did not have
    with store.begin() as connection:
        lines = anchors.read_lines(store.anchors_file)
        problems += _finish(partial(anchors.broken, path=store.anchors_file, since=since), connection)
        problems += _aliases(connection, registry)
    if artefacts:
        read = [one for one in versions if one.version not in packages or one.version in erased]
        total = len(read) + len(stored)
        for number, version in enumerate(read):
            progress.report(f"Reading the package of version {version.version}", number, total)
            if version.version in erased:
                problems += _erased_package(registry, version.version)
            else:
                problems += _package(registry, version.version, version.digest)
        problems += snapshot_artefacts(store, settings, stored, done=len(read), verified=chunks)
    progress.report("Comparing answers with Airflow's record")
    differing, notes = airflow_responses.compare(settings, answers)
    if record and point and not (problems or differing or notes):
        point = replace(point, anchors=len(lines), anchors_hash=anchors.hash_lines(lines))
        if artefacts:
            point = replace(point, packages=newest_package, files=point.chunks)
        _record(store, point, since)
    return VerifyResult(problems=(*problems, *differing), checked=checked, notes=tuple(notes), since=since)


def _record(store: Store, point: VerifiedPoint, since: VerifiedPoint | None) -> None:
    """Append the point to the ledger, if it says more than the one before."""
    with store.begin() as connection:
        read = since is None or (point.packages, point.files) != (since.packages, since.files)
        if read or (since and verified_points.has_news(connection, since)):
            try:
                verified_points.record(connection, point)
            except SigningKeyMissing as error:
                log.warning("The next verification begins where this one did: %s", error)


def newest_point(connection: Connection, since: VerifiedPoint | None) -> VerifiedPoint | None:
    """The newest of the records, which are verified since the point before; None for an empty ledger."""
    head = ledger.head(connection)
    if head is None:
        return None
    point = VerifiedPoint(
        sequence=head.sequence,
        entry_hash=head.entry_hash,
        release=verified_points.release(),
        whole_at=since.whole_at if since else clock.now().isoformat(),
        rows=verified_points.digests(connection),
        chunks=verified_points.mark_chunks(connection),
    )
    return replace(point, files=since.files, packages=since.packages) if since else point


def snapshot_artefacts(
    store: Store, settings: Settings, stored: Sequence[Snapshot], *, done: int = 0, verified: Collection[int] = ()
) -> list[str]:
    """Problems of the files of these snapshots; a chunk that several share is read once.

    done: number of artefacts that were read before, for the progress. verified: chunks that were verified before; whole
    files of earlier releases are verified as well.
    """
    problems, read = list[str](), set(verified)
    for number, snapshot in enumerate(stored, start=done):
        progress.report(f"Reading snapshot {snapshot.snapshot_id}", number, done + len(stored))
        try:
            snapshot_files.verify(store, settings, snapshot, read)
        except LedgerBroken as error:
            problems.append(f"snapshot {snapshot.snapshot_id}: {error.details.get('problem', error)}")
    return problems


def records(connection: Connection, since: VerifiedPoint | None = None) -> list[str]:
    """Problems in the database: hash chain, signatures, times, facts, evidence, deployments, approvals.

    since: how far it was verified before. Checks that take several rows together, of which there are few, read all.
    """
    chain = partial(ledger.broken, since=(since.sequence, since.entry_hash) if since else None)
    checks: tuple[Check, ...] = (
        chain,
        partial(audit.facts_against_ledger, since=since),
        partial(audit.evidence, since=since),
        audit.moves,
        audit.times,
        partial(audit.snapshot_rows, since=since),
        partial(audit.training_records, since=since),
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
    """Problems of one check; an exception, as of a tampered row, becomes a problem, and the others still run."""
    try:
        with connection.begin_nested():
            return check(connection)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, DBAPIError) as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise
        function = check.func if isinstance(check, partial) else check
        name = "anchors" if function is anchors.broken else getattr(function, "__name__", "records").replace("_", " ")
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
        with scratch_folder() as scratch:
            model_package.verify(registry.download(version, scratch), digest)
    except UnsafeArtefact as error:
        return [f"model version {version}: {error.details.get('problem', error)} ({error.details.get('artefact', '')})"]
    except (NotFound, RegistryUnavailable, OSError) as error:
        return [f"model version {version}: its package cannot be downloaded: {error}"]
    return []
