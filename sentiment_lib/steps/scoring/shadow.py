"""Shadow scoring: versions that do not serve score a sample of the new tweets.

They are the challenger; after a promotion the previous champion; and for some days a candidate that was refused. Their
predictions are never served: the decision page, the automatic rollback and `decision followed` use them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sentiment_lib import clock
from sentiment_lib.settings import Settings
from sentiment_lib.steps.scoring.score import PendingTweets, score_batches
from sentiment_lib.storage import decisions, deployments, model_versions, shadow, version_erasures
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.shadow import ShadowTurn

#: Moves after which the previous champion is scored in shadow; after a rollback there is none to go back to.
WATCHED = ("promotion", "forced", "adopted")


@dataclass(frozen=True, kw_only=True)
class ShadowResult:
    """Tweets scored by each version that is not the champion."""

    scored: dict[int, int]


def run(store: Store, settings: Settings, *, at: datetime | None = None) -> ShadowResult:
    """Score in batches of one transaction each: a killed run resumes where it stopped.

    Raises UnsafeArtefact when a package was changed.
    """
    moment, policy, refused = at or clock.now(), settings.policy.promotion_watch, settings.policy.refused
    # the audit sample is always scored in shadow: automatic rollback compares both versions on it
    audit_share, rows = settings.policy.score.audit_share, settings.policy.score.batch_rows
    with store.begin() as connection:
        champion, move = model_versions.champion(connection), deployments.last_move(connection)
        if champion is None:
            return ShadowResult(scored={})
        since = decisions.refused(connection, champion.version, since=moment - refused.period, limit=refused.candidates)
        shares = dict.fromkeys(since, max(refused.shadow_share, audit_share))
        compared: dict[int, datetime] = {}
        if move and move.from_version and move.kind in WATCHED and moment < move.finished_at + policy.period:
            compared[move.from_version] = move.finished_at
        if waiting := decisions.waiting(connection):
            compared[waiting[-1].candidate_version] = waiting[-1].decided_at
        since |= compared
        shares |= dict.fromkeys(compared, max(policy.shadow_share, audit_share))
        # no further prediction by a version that learned from a forgotten tweet
        forgotten = version_erasures.named(connection, list(since))
        others = [model_versions.by_version(connection, version) for version in since if version not in forgotten]
    scored = {}
    for other in others:
        if other.version == champion.version:
            continue
        turn = ShadowTurn(
            version=other.version,
            champion=champion.version,
            since=since[other.version],
            share=shares[other.version],
        )
        with store.begin() as connection:
            began, predicted_since = shadow.moment(connection), shadow.reached_at(connection, turn)
        pending = partial(shadow.unscored_by_shadow, turn=turn, predicted_since=predicted_since, rows=rows)
        tweets = PendingTweets(next_rows=pending)
        scored[other.version] = score_batches(store, settings, other, tweets, share=turn.share).scored
        with store.begin() as connection:
            shadow.record_reached(connection, turn, began)
    return ShadowResult(scored=scored)
