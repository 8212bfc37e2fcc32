"""Compare a candidate with the champion, and record evidence and verdict before any approval is requested."""

from __future__ import annotations

from collections.abc import Collection

from sentiment_lib import progress
from sentiment_lib.errors import BadInput, ChampionMoved
from sentiment_lib.records import Decision, EvaluationRequest
from sentiment_lib.settings import Settings
from sentiment_lib.steps.decisions import evidence, publish_holdout_metrics
from sentiment_lib.steps.deployment import bootstrap
from sentiment_lib.storage import decisions, forged_records, holdout_looks, model_versions, training_rows
from sentiment_lib.storage.engine import Store, lock


def run(
    store: Store,
    settings: Settings,
    *,
    snapshot_id: int,
    candidate: int,
    requested_by: str,
    candidates: int = 1,
    people: Collection[str] = (),
) -> Decision:
    """The decision on this candidate; the same request, run again, returns the decision that it reached before.

    candidates: how many this request compares on this holdout; they share one look, and its level is divided among
    them. Its metrics on the holdout, hidden until now, are published. people: who gave the command; recorded with the
    decision as having asked for its promotion.

    The holdout look is recorded in the ledger before the comparison: a killed run has spent its look and reuses it when
    it runs again. Raises BadInput when the candidate is the champion, NotFound for an unknown version, ChampionMoved
    when the champion changed meanwhile, RecordForged for a snapshot or version that the platform did not record;
    NotEnoughLabels, UnsafeArtefact and LedgerBroken as `evidence.compute` does.
    """
    decision = _decide(store, settings, snapshot_id, candidate, requested_by, candidates, people)
    progress.report(f"Publishing metrics of version {candidate}")
    publish_holdout_metrics.run(store, settings, version=candidate)
    publish_holdout_metrics.publish_untrained(store, settings, decision)
    return decision


def _decide(
    store: Store,
    settings: Settings,
    snapshot_id: int,
    candidate: int,
    requested_by: str,
    candidates: int,
    people: Collection[str],
) -> Decision:
    champion = bootstrap.run(store, settings)
    if candidate == champion.version:
        raise BadInput(what="candidate", problem=f"version {candidate} is the champion already")
    request = EvaluationRequest(
        snapshot_id=snapshot_id,
        candidate=candidate,
        champion=champion.version,
        requested_by=requested_by,
        candidates=candidates,
    )
    policy = settings.policy.gate
    for kind, key in (("snapshot", snapshot_id), ("training", candidate), ("training", champion.version)):
        forged_records.require_recorded(store, kind, key)
    with store.begin() as connection:
        learned = training_rows.learned_snapshots(connection, (candidate, champion.version))
    # rows that were added to one of them would leave tweets out of the comparison
    for number in {snapshot_id, *learned}:
        forged_records.require_recorded(store, "snapshot_rows", number)
    with store.begin() as connection:
        model_versions.by_version(connection, candidate)
        existing = decisions.find_existing(connection, request)
        if existing:
            return existing
        look = holdout_looks.take(connection, request, policy)
    case = evidence.collect_case(
        store,
        policy,
        snapshot_id=snapshot_id,
        candidate=candidate,
        champion=champion.version,
        look=look,
    )
    progress.report(f"Comparing version {candidate} with champion {champion.version}")
    computed = evidence.compute(store, case, settings, policy)
    with store.begin() as connection:
        lock(connection, "champion")
        existing = decisions.find_existing(connection, request)
        if existing:
            return existing
        serving = model_versions.champion(connection)
        if serving is None or serving.version != champion.version:
            raise ChampionMoved(actual=serving.version if serving else None, expected=champion.version)
        holdout_looks.record_outcome(connection, request, p_value=computed.comparison.p_value, policy=policy)
        return decisions.store(
            connection,
            computed,
            policy=settings.policy.model_dump(mode="json", include={"gate", "approval"}),
            requested_by=requested_by,
            people=people,
        )
