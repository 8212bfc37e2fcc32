"""Take tweets in: every row ends as stored, duplicate or quarantined with a reason, and the three add up.

Each batch and the counts that speak of it are one transaction. A process that dies leaves an unfinished ingest that
names how many rows are accounted for; the same input continues there and ends as if nothing had happened.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

from sentiment_lib.errors import BadInput, BadSource, SentimentError
from sentiment_lib.records import IngestResult
from sentiment_lib.settings import Settings
from sentiment_lib.sources.base import Source
from sentiment_lib.sources.files import FileSource
from sentiment_lib.sources.landing import Landing
from sentiment_lib.sources.x_api import XSource
from sentiment_lib.steps.ingestion.batch_validation import Batch
from sentiment_lib.steps.ingestion.prefetch import Pieces
from sentiment_lib.steps.ingestion.row_validation import Checker
from sentiment_lib.storage import tweets
from sentiment_lib.storage.engine import Store

log = logging.getLogger(__name__)
BATCH_ROWS = 10_000


class IngestTaken(SentimentError):
    """The input {source} is being ingested by another process"""


def run(store: Store, settings: Settings, source: Source, *, now: datetime | None = None) -> IngestResult:
    """Ingest all rows of the source; BadSource when it cannot be read to its end (what was read stays stored)."""
    checker = Checker(source.origin, _author_key(settings), now or datetime.now(UTC))
    with store.begin() as connection:
        ingest = tweets.open_ingest(connection, source.origin.name, source.origin.digest)
    keeper, done = tweets.Keeper(ingest.ingest_id), ingest.received
    with Pieces(source, checker, skip=done, most=BATCH_ROWS) as pieces:
        while pieces.more():
            done += _store_batch(store, keeper, done, pieces, source.origin.name)
    if pieces.broken is not None:
        raise pieces.broken
    with store.begin() as connection:
        return tweets.finish(connection, ingest.ingest_id)


def _author_key(settings: Settings) -> bytes:
    key = settings.author_key.get_secret_value().encode()
    if not key:
        raise BadInput(what="SENTIMENT_AUTHOR_KEY", problem="it is not set; authors are stored as keyed hashes")
    return key


def _store_batch(store: Store, keeper: tweets.Keeper, done: int, pieces: Pieces, source: str) -> int:
    """Store the next pieces in one transaction; gives how many rows they had."""
    batch = Batch()

    def drawn() -> Iterator[list[tweets.TweetTuple]]:
        while batch.received < BATCH_ROWS and pieces.more():
            piece = pieces.take()
            batch.add(piece)
            yield piece.tweets
        pieces.look_ahead()

    with store.begin() as connection:
        if not tweets.lock_ingest(connection, keeper.ingest_id, done):
            raise IngestTaken(source=source)
        stored = keeper.keep(connection, drawn())
        tweets.store_labels(connection, keeper.ingest_id, batch.labels)
        tweets.store_quarantine(connection, keeper.ingest_id, batch.bad)
        counts = {"received": batch.received, "stored": stored, "quarantined": len(batch.bad)}
        tweets.count(connection, keeper.ingest_id, **counts)
    return batch.received


def run_landing(store: Store, settings: Settings) -> list[IngestResult]:
    """Everything in the landing folder. A file that cannot be read goes to failed/ and does not stop the others."""
    _author_key(settings)  # a missing setting is no fault of the files
    landing = Landing(settings.landing)
    results = []
    with landing.exclusive() as ours:
        if not ours:
            log.info("another process reads the landing folder")
            return []
        for claim in landing.claims():
            try:
                name = claim.preset if claim.preset != "plain" else claim.path.name.removeprefix("plain__")
                results.append(run(store, settings, FileSource(claim.path, claim.preset, name=name)))
            except (BadSource, BadInput) as error:
                log.warning("%s", error)
                landing.failed(claim, str(error))
            else:
                landing.done(claim)
    return results


def run_x(store: Store, settings: Settings) -> list[IngestResult]:
    """What X has that is newer than the newest tweet that came from it; nothing without a bearer token."""
    token = settings.x_bearer_token.get_secret_value()
    if not token:
        return []
    with store.begin() as connection:
        since = tweets.newest_id(connection, "x")
    source = XSource(token=token, query=settings.x_query, since_id=since, host=settings.x_url)
    return [run(store, settings, source)]
