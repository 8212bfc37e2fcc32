"""Remove the tweets of the sample generator, and end its stream."""

from __future__ import annotations

from dataclasses import dataclass

from sentiment_lib.settings import Settings
from sentiment_lib.sources import living_sample
from sentiment_lib.storage import model_versions, snapshots, synthetic_tweets
from sentiment_lib.storage.engine import Store, lock


@dataclass(frozen=True, kw_only=True)
class RemovedSample:
    """What was removed, and what the champion still owes to it."""

    tweets: int
    #: whether a living stream was ended
    ended: bool
    champion: int | None
    #: whether the champion was trained on synthetic tweets
    champion_is_synthetic: bool


def run(store: Store, settings: Settings, *, by: str) -> RemovedSample:
    """End the stream, then delete its tweets with all that refers to them. Run again, it removes what came meanwhile.

    Snapshots, models, decisions and deployments stay: the ledger names them, and they replay as before.
    """
    ended = living_sample.end(settings.home, for_good=True)
    with store.begin() as connection:
        lock(connection, "snapshot")  # no snapshot is frozen from rows that vanish
        removed = synthetic_tweets.remove(connection, by=by)
        champion = model_versions.champion(connection)
        trained_on = champion.snapshot_id if champion else None
        synthetic = trained_on is not None and bool(snapshots.synthetic_rows(connection, trained_on).train)
    return RemovedSample(
        tweets=removed,
        ended=ended,
        champion=champion.version if champion else None,
        champion_is_synthetic=synthetic,
    )
