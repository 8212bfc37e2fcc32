"""A share of the new tweets is scored by others than the champion: by the challenger that waits, and after a promotion
by the version that served before. Nobody is answered by them; the decision's page and the guard compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sentiment_lib.registry.models import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.score import checked, is_drawn
from sentiment_lib.storage import models, predictions, shadow
from sentiment_lib.storage.engine import Store

#: Moves of the champion that are watched: after a rollback there is nothing to go back to.
WATCHED = ("promotion", "forced", "adopted")


@dataclass(frozen=True, kw_only=True)
class ShadowResult:
    """Tweets scored by each version that is not the champion."""

    scored: dict[int, int]


def run(store: Store, settings: Settings, *, at: datetime | None = None) -> ShadowResult:
    """Score in batches, one transaction each: a killed run goes on where it stopped."""
    moment, policy = at or datetime.now(UTC), settings.policy.watch
    with store.begin() as connection:
        champion = models.champion(connection)
        move, waiting = shadow.last_move(connection), shadow.challenger(connection)
    since: dict[int, datetime] = {}
    if move and move["from_version"] and move["kind"] in WATCHED and moment < move["finished_at"] + policy.period:
        since[move["from_version"]] = move["finished_at"]
    if waiting:
        since[waiting["version"]] = waiting["decided_at"]
    if champion is None:
        return ShadowResult(scored={})
    return ShadowResult(
        scored={
            version: _score(store, settings, champion.version, version, start)
            for version, start in since.items()
            if version != champion.version
        }
    )


def _score(store: Store, settings: Settings, champion: int, version: int, since: datetime) -> int:
    # one draw for both: whatever is in the audit sample is scored in shadow too
    share = max(settings.policy.watch.shadow_share, settings.policy.score.audit_share)
    rows, model, scored, after = settings.policy.score.batch_rows, None, 0, 0
    while True:
        with store.begin() as connection:
            found = shadow.beside(connection, champion=champion, version=version, since=since, after=after, rows=rows)
            digest = models.by_version(connection, version).digest
        if not found:
            return scored
        after = found[-1][0]
        drawn = [(tweet_id, text) for tweet_id, text in found if is_drawn(tweet_id, share, settings)]
        if not drawn:
            continue
        model = model or Registry(settings).load(version, digest)
        proba = checked(model, [text for _, text in drawn])
        with store.begin() as connection:
            ids = [tweet_id for tweet_id, _ in drawn]
            scored += predictions.store(connection, version, ids, proba, [None] * len(ids))
