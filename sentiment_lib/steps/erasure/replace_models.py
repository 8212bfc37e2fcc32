"""Replace versions that learned from forgotten tweets: train again without them, promote through the gate, erase."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from sentiment_lib import progress
from sentiment_lib.errors import (
    ApprovalVoid,
    ChampionMoved,
    MissingExtra,
    MissingWeights,
    NotEnoughLabels,
    TrainingRefused,
)
from sentiment_lib.records import Answer, ApprovalResponse, ModelVersion
from sentiment_lib.registry import mlflow_erasure
from sentiment_lib.registry.mlflow_registry import CHALLENGER, Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.decisions import evaluate, request_approval
from sentiment_lib.steps.deployment import promote
from sentiment_lib.steps.erasure import retrain_without
from sentiment_lib.storage import decisions, deployments, model_versions, snapshots, training_rows, version_erasures
from sentiment_lib.storage.engine import Store, lock
from sentiment_lib.storage.version_erasures import VersionErasure
from sentiment_lib.training_record import TrainingRecord

#: Recorded as who moves the champion when the policy replaces it.
ACTOR = "erasure policy"
VOID = "a version that it compares learned from a tweet that was forgotten"


@dataclass(frozen=True, kw_only=True)
class ReplaceResult:
    """What was done for the versions that wait."""

    #: (version, its replacement)
    retrained: tuple[tuple[int, int], ...] = ()
    erased: tuple[int, ...] = ()
    #: what stands in the way, in sentences
    notes: tuple[str, ...] = ()


def run(store: Store, settings: Settings, *, at: datetime) -> ReplaceResult:
    """Carry on with every version that learned from forgotten tweets and is not erased or replaced. Idempotent."""
    with store.begin() as connection:
        waiting = {one.version: one for one in version_erasures.waiting(connection)}
        # what is to be trained again is stored before a package is erased: a run that is killed in between must know
        learned = waiting | {one.version: one for one in version_erasures.to_retrain(connection)}
        version_erasures.set_retrain(connection, _wanted(connection, learned.keys()))
    if not learned:
        return ReplaceResult()
    _void_pending(store, settings, waiting)
    erased = _erase_idle(store, settings, waiting)
    retrained, notes = _retrain(store, settings, learned, at)
    notes += _replace_champion(store, settings, waiting)
    erased += _erase_idle(store, settings, waiting)
    return ReplaceResult(retrained=tuple(retrained), erased=tuple(sorted(erased)), notes=tuple(notes))


def _void_pending(store: Store, settings: Settings, waiting: dict[int, VersionErasure]) -> None:
    """No version that learned from a forgotten tweet may be promoted."""
    registry = Registry(settings)
    with store.begin() as connection:
        lock(connection, "champion")
        for pending in decisions.waiting(connection):
            if pending.candidate_version in waiting:
                decision = decisions.by_id(connection, pending.decision_id)
                decisions.store_approval(
                    connection,
                    ApprovalResponse(
                        decision_id=decision.decision_id,
                        response="void",
                        reason=VOID,
                        evidence_hash=decision.evidence_hash,
                    ),
                )
    with store.exclusive("alias"):
        if registry.alias(CHALLENGER) in waiting:
            registry.drop_alias(CHALLENGER)


def _erase_idle(store: Store, settings: Settings, waiting: dict[int, VersionErasure]) -> list[int]:
    """Erase the packages of versions that do not serve, and that no move under way is about."""
    registry = Registry(settings)
    with store.begin() as connection:
        lock(connection, "champion")  # a move that begins later finds the version named, and is refused
        champion, move = model_versions.champion(connection), deployments.pending_move(connection)
        busy = {champion.version if champion else None}
        if move is not None:
            busy |= {move.from_version, move.to_version}
        gone = version_erasures.erased_versions(connection)
        idle = [model_versions.by_version(connection, number) for number in waiting if number not in busy]
    erased = []
    for version in idle:
        progress.report(f"Erasing the package of version {version.version}")
        mlflow_erasure.erase_package(registry, version.version, version.digest)
        with store.begin() as connection:
            version_erasures.mark_erased(connection, version.version, version.digest)
        if version.version not in gone:
            erased.append(version.version)
    return erased


def _retrain(
    store: Store, settings: Settings, learned: dict[int, VersionErasure], at: datetime
) -> tuple[list[tuple[int, int]], list[str]]:
    """Train again what is to be, ancestors first; costly ones in good time."""
    with store.begin() as connection:
        wanted = [model_versions.by_version(connection, number) for number in _to_retrain(connection)]
    retrained, notes = [], []
    for version in wanted:
        number = version.version
        with store.begin() as connection:
            record = model_versions.training_of(connection, number)[0]
            replacements, missing = _parents(connection, record)
            is_hopeless = bool(missing) and not missing & _to_retrain(connection).keys()
        begins = learned[number].due_at - settings.policy.erasure.models_within / 2
        if retrain_without.is_costly(record) and at < begins:
            continue
        if missing and not is_hopeless:
            notes.append(f"version {number} waits for a replacement of version {min(missing)}, which it builds on")
            continue
        progress.report(f"Training version {number} again without forgotten tweets")
        try:
            if missing:
                problem = f"it builds on version {min(missing)}, which has no replacement"
                raise TrainingRefused(family=version.family, problem=problem)
            new, exact = retrain_without.run(store, settings, version, replacements=replacements)
        except (TrainingRefused, NotEnoughLabels, MissingExtra, MissingWeights) as error:
            notes.append(f"version {number} cannot be trained again: {error}")
            with store.begin() as connection:
                version_erasures.give_up_retrain(connection, number)
            continue
        with store.begin() as connection:
            version_erasures.set_replacement(connection, number, new.version, exact=exact)
        retrained.append((number, new.version))
    return retrained, notes


def _to_retrain(connection: Connection) -> dict[int, VersionErasure]:
    """Versions that are still to be trained again, ancestors first."""
    return {one.version: one for one in sorted(version_erasures.to_retrain(connection), key=lambda one: one.version)}


def _parents(connection: Connection, record: TrainingRecord) -> tuple[dict[int, ModelVersion], set[int]]:
    """Replacements of the versions that a training builds on, and those without one that learned nothing forgotten."""
    parents = record.inputs.parents
    replaced = version_erasures.relearned(connection, parents)
    learned = version_erasures.named(connection, [*parents, *replaced.values()])
    good = {number: new for number, new in replaced.items() if new not in learned}
    replacements = {number: model_versions.by_version(connection, new) for number, new in good.items()}
    return replacements, {number for number in parents if number in learned and number not in good}


def _wanted(connection: Connection, learned: Collection[int]) -> list[int]:
    """Which of these versions are to be trained again.

    What serves, the newest version of each family, and those that these build on; instead of one that is replaced
    already, its replacement, if that learned from a tweet that was forgotten later.
    """
    champion = model_versions.champion(connection)
    newest, recorded = dict[str, int](), model_versions.recorded(connection)
    for version in model_versions.all_versions(connection):
        if version.snapshot_id is not None and version.version in recorded:
            newest[version.family] = version.version
    numbers = {*newest.values()} | ({champion.version} if champion else set())
    numbers |= {ancestor for number in numbers for ancestor in training_rows.ancestors(connection, number)}
    replaced = version_erasures.relearned(connection, numbers)
    return sorted(({*numbers, *replaced.values()} - replaced.keys()) & set(learned))


def _replace_champion(store: Store, settings: Settings, waiting: dict[int, VersionErasure]) -> list[str]:
    """Ask the gate about the champion's replacement, and promote it by approval or by policy."""
    with store.begin() as connection:
        champion = model_versions.champion(connection)
        if champion is None or champion.version not in waiting:
            return []
        new = version_erasures.relearned(connection, [champion.version]).get(champion.version)
        (snapshot,) = snapshots.newest(connection, 1) or (None,)
        if new is None or snapshot is None or version_erasures.named(connection, [new]):
            return [f"version {champion.version} serves until it has a replacement"]
        requested_by, latest = _latest_decision(connection, champion.version)
    try:
        if latest is None:
            latest = evaluate.run(
                store, settings, snapshot_id=snapshot.snapshot_id, candidate=new, requested_by=requested_by
            ).decision_id
        return _promote(store, settings, latest, requested_by, champion.version)
    except (NotEnoughLabels, ChampionMoved, ApprovalVoid) as error:
        return [f"version {champion.version} serves on: {error}"]


def _latest_decision(connection: Connection, champion: int) -> tuple[str, int | None]:
    """Who asks for the next decision on the champion's replacement, and the last one if it can still be followed."""
    number = 1
    while ids := decisions.ids_of_request(connection, f"forget/{champion}/{number}"):
        approval = decisions.approval(connection, ids[-1])
        if approval is None or approval.response not in ("expired", "void"):
            return f"forget/{champion}/{number}", ids[-1]
        number += 1
    return f"forget/{champion}/{number}", None


def _promote(store: Store, settings: Settings, decision_id: int, requested_by: str, champion: int) -> list[str]:
    with store.begin() as connection:
        decision, approval = decisions.by_id(connection, decision_id), decisions.approval(connection, decision_id)
    if approval is not None and approval.response == "approved":
        promote.run(store, settings, decision_id=decision_id)
        return []
    if approval is not None:
        return [f"version {champion} serves on: decision {decision_id} about its replacement was {approval.response}"]
    if decision.verdict is not Answer.PROMOTE:
        return [
            f"version {champion} serves on: decision {decision_id} about its replacement says {decision.verdict}; "
            f"an approver may override it: `sentiment promote {decision_id} --force`"
        ]
    if settings.policy.erasure.replace == "policy":
        reason = f"version {champion} learned from tweets that were forgotten, and the gate says PROMOTE"
        promote.force(store, settings, decision_id=decision_id, reason=reason, by=ACTOR)
        return []
    request_approval.run(store, settings, decision_ids=[decision_id], requested_by=requested_by)
    return [f"version {champion} serves until decision {decision_id} is approved: `sentiment approve {decision_id}`"]
