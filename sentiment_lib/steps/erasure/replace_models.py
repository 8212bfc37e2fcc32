"""Replace versions that learned from forgotten tweets: train again without them, promote through the gate, erase."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from sentiment_lib import progress
from sentiment_lib.errors import ApprovalVoid, ChampionMoved, NotEnoughLabels, TrainingRefused
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
    """Carry on with every version that learned from forgotten tweets and is not erased. Idempotent."""
    with store.begin() as connection:
        waiting = {one.version: one for one in version_erasures.waiting(connection)}
    if not waiting:
        return ReplaceResult()
    _void_pending(store, settings, waiting)
    erased = _erase_idle(store, settings, waiting)
    retrained, notes = _retrain(store, settings, waiting, at)
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
    store: Store, settings: Settings, waiting: dict[int, VersionErasure], at: datetime
) -> tuple[list[tuple[int, int]], list[str]]:
    """Train again what serves and the newest version of each family, ancestors first; costly ones in good time."""
    with store.begin() as connection:
        wanted = _wanted(connection, waiting)
        records = {version.version: model_versions.training_of(connection, version.version)[0] for version in wanted}
        replacements = {
            number: model_versions.by_version(connection, new)
            for number, new in version_erasures.relearned(connection, list(waiting)).items()
        }
    retrained, notes = [], []
    for version in wanted:
        number = version.version
        begins = waiting[number].due_at - settings.policy.erasure.models_within / 2
        if number in replacements or (retrain_without.is_costly(records[number]) and at < begins):
            continue
        if missing := [one for one in records[number].inputs.parents if one in waiting and one not in replacements]:
            notes.append(f"version {number} waits for a replacement of version {missing[0]}, which it builds on")
            continue
        progress.report(f"Training version {number} again without forgotten tweets")
        try:
            new, exact = retrain_without.run(store, settings, version, replacements=replacements)
        except (TrainingRefused, NotEnoughLabels) as error:
            notes.append(f"version {number} cannot be trained again: {error}")
            continue
        with store.begin() as connection:
            version_erasures.set_replacement(connection, number, new.version, exact=exact)
        replacements[number] = new
        retrained.append((number, new.version))
    return retrained, notes


def _wanted(connection: Connection, waiting: dict[int, VersionErasure]) -> list[ModelVersion]:
    """What serves, the newest version of each family if it learned from them, and those that these build on."""
    champion = model_versions.champion(connection)
    newest: dict[str, ModelVersion] = {}
    every = model_versions.all_versions(connection)
    for version in every:
        if version.snapshot_id is not None:
            newest[version.family] = version
    numbers = {version.version for version in newest.values()} | ({champion.version} if champion else set())
    numbers |= {ancestor for number in numbers for ancestor in training_rows.ancestors(connection, number)}
    return [version for version in every if version.version in numbers & waiting.keys()]


def _replace_champion(store: Store, settings: Settings, waiting: dict[int, VersionErasure]) -> list[str]:
    """Ask the gate about the champion's replacement, and promote it by approval or by policy."""
    with store.begin() as connection:
        champion = model_versions.champion(connection)
        if champion is None or champion.version not in waiting:
            return []
        new = version_erasures.relearned(connection, [champion.version]).get(champion.version)
        (snapshot,) = snapshots.newest(connection, 1) or (None,)
        if new is None or snapshot is None:
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
