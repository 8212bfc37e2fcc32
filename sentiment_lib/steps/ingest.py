"""Take tweets in: every row ends as stored, duplicate or quarantined with a reason, and the three add up.

Each batch and the counts that speak of it are one transaction. A process that dies leaves an unfinished ingest that
names how many rows are accounted for; the same input continues there and ends as if nothing had happened.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice

from sentiment_lib.errors import BadInput, BadSource, SentimentError
from sentiment_lib.records import IngestResult
from sentiment_lib.settings import Settings
from sentiment_lib.sources.base import Row, Source
from sentiment_lib.sources.files import FileSource
from sentiment_lib.sources.landing import Landing
from sentiment_lib.sources.x_api import XSource
from sentiment_lib.steps.checking import Checker
from sentiment_lib.steps.checking_together import Batch, check_together
from sentiment_lib.storage import tweets
from sentiment_lib.storage.engine import Store

log = logging.getLogger(__name__)
BATCH_ROWS = 5_000
#: Seconds after which the thread that checks lets the thread that talks to the database go on. With Python's 5 ms each
#: of the eight answers of a batch would wait that long, and the database would be idle meanwhile.
SWITCH = 0.000_2
_USUAL_SWITCH = sys.getswitchinterval()


class IngestTaken(SentimentError):
    """The input {source} is being ingested by another process"""


def run(store: Store, settings: Settings, source: Source, *, now: datetime | None = None) -> IngestResult:
    """Ingest all rows of the source; BadSource when it cannot be read to its end (what was read stays stored)."""
    checker = Checker(source.origin, _author_key(settings), now or datetime.now(UTC))
    with store.begin() as connection:
        ingest = tweets.open_ingest(connection, source.origin.name, source.origin.digest)
    done = ingest.received
    batches = _batches(source, checker, done)
    sys.setswitchinterval(SWITCH)
    try:
        with ThreadPoolExecutor(1) as reader:  # reads and checks a batch while the database works on the one before
            coming = reader.submit(next, batches, None)
            while (batch := coming.result()) is not None:
                coming = reader.submit(next, batches, None)
                _store_batch(store, ingest.ingest_id, done, batch, source.origin.name)
                done += batch.received
    finally:
        sys.setswitchinterval(_USUAL_SWITCH)
    with store.begin() as connection:
        return tweets.finish(connection, ingest.ingest_id)


def _author_key(settings: Settings) -> bytes:
    key = settings.author_key.get_secret_value().encode()
    if not key:
        raise BadInput(what="SENTIMENT_AUTHOR_KEY", problem="it is not set; authors are stored as keyed hashes")
    return key


def _batches(source: Source, checker: Checker, skip: int) -> Iterator[Batch]:
    """Batches of up to BATCH_ROWS rows; of a stream that breaks, first what came before the break, then the error."""
    rows = islice(source.rows(), skip, None)
    while True:
        together: list[Row] = []
        try:
            together.extend(islice(rows, BATCH_ROWS))  # keeps what came before an error
        except BadSource:
            if together:
                yield check_together(checker, together)
            raise
        if not together:
            return
        yield check_together(checker, together)


def _store_batch(store: Store, ingest_id: int, done: int, batch: Batch, source: str) -> None:
    with store.begin() as connection:
        if not tweets.lock_ingest(connection, ingest_id, done):
            raise IngestTaken(source=source)
        stored = tweets.store_tweets(connection, ingest_id, batch.tweets)
        tweets.store_labels(connection, ingest_id, batch.labels)
        tweets.store_quarantine(connection, ingest_id, batch.bad)
        tweets.count(connection, ingest_id, received=batch.received, stored=stored, quarantined=len(batch.bad))


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
