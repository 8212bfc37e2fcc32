"""A share of the new tweets is scored by others than the champion: by the challenger that waits, and after a promotion
by the version that served before. Nobody is answered by them; the decision's page and the guard compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from sentiment_lib.settings import Settings
from sentiment_lib.steps.scoring.score import in_batches
from sentiment_lib.storage import decisions, deployments, model_versions, shadow
from sentiment_lib.storage.engine import Store

#: Moves of the champion that are watched: after a rollback there is nothing to go back to.
WATCHED = ("promotion", "forced", "adopted")


@dataclass(frozen=True, kw_only=True)
class ShadowResult:
    """Tweets scored by each version that is not the champion."""

    scored: dict[int, int]


def run(store: Store, settings: Settings, *, at: datetime | None = None) -> ShadowResult:
    """Score in batches, one transaction each: a killed run goes on where it stopped."""
    moment, policy = at or datetime.now(UTC), settings.policy.promotion_watch
    with store.begin() as connection:
        champion, move = model_versions.champion(connection), deployments.last_move(connection)
        waiting = decisions.waiting(connection)
        since: dict[int, datetime] = {}
        if move and move.from_version and move.kind in WATCHED and moment < move.finished_at + policy.period:
            since[move.from_version] = move.finished_at
        if waiting:
            since[waiting[-1].candidate_version] = waiting[-1].decided_at
        others = [model_versions.by_version(connection, version) for version in since]
    if champion is None:
        return ShadowResult(scored={})
    # whatever is in the audit sample is scored in shadow too: the guard compares both there
    share, rows = max(policy.shadow_share, settings.policy.score.audit_share), settings.policy.score.batch_rows
    scored = {}
    for other in others:
        if other.version == champion.version:
            continue
        beside = partial(
            shadow.unscored_by_shadow,
            champion=champion.version,
            version=other.version,
            since=since[other.version],
            rows=rows,
        )
        scored[other.version] = in_batches(store, settings, other, beside, share=share).scored
    return ShadowResult(scored=scored)
