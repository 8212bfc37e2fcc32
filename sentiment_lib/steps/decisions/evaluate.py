"""Compare a candidate with the champion, let the gate answer, and write both down before anyone is asked."""

from __future__ import annotations

from typing import Any

from sentiment_lib.errors import BadInput, ChampionMoved
from sentiment_lib.records import Decision
from sentiment_lib.settings import Settings
from sentiment_lib.steps.decisions import evidence
from sentiment_lib.steps.deployment import bootstrap
from sentiment_lib.storage import decisions, holdout_looks, model_versions
from sentiment_lib.storage.engine import Store, lock


def run(store: Store, settings: Settings, *, snapshot_id: int, candidate: int, requested_by: str) -> Decision:
    """The decision on this candidate; the same request, run again, gives the decision it reached before.

    The look at the holdout is written into the ledger before the comparison: a run that is killed in between has
    still had its look, and takes the same one when it runs again.
    """
    champion = bootstrap.run(store, settings)
    if candidate == champion.version:
        raise BadInput(what="candidate", problem=f"version {candidate} is the champion already")
    request: dict[str, Any] = {
        "snapshot_id": snapshot_id,
        "candidate": candidate,
        "champion": champion.version,
        "requested_by": requested_by,
    }
    policy = settings.policy.gate
    with store.begin() as connection:
        model_versions.by_version(connection, candidate)
        known = decisions.find_existing(connection, **request)
        if known:
            return known
        looks_before = holdout_looks.take(connection, policy=policy, **request)
    case = evidence.case(
        store, snapshot_id=snapshot_id, candidate=candidate, champion=champion.version, looks_before=looks_before
    )
    text, answer, rules = evidence.compute(case, settings, policy)
    with store.begin() as connection:
        lock(connection, "champion")
        known = decisions.find_existing(connection, **request)
        if known:
            return known
        now = model_versions.champion(connection)
        if now is None or now.version != champion.version:
            raise ChampionMoved(actual=now.version if now else None, expected=champion.version)
        return decisions.store(
            connection,
            snapshot_id=snapshot_id,
            candidate=candidate,
            champion=champion.version,
            evidence=text,
            answer=answer,
            rules=rules,
            policy=settings.policy.model_dump(mode="json", include={"gate", "approval"}),
            requested_by=requested_by,
        )
