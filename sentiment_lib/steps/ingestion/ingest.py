"""Ingest tweets: each row is stored, a duplicate, quarantined with a reason, or forgotten, and the four add up.

A batch and its counts are one transaction. A process that dies leaves an unfinished ingest with the number of rows
handled; ingesting the same input again resumes there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sentiment_lib import clock, progress
from sentiment_lib.erasure import record_files
from sentiment_lib.erasure.terms import Terms
from sentiment_lib.errors import BadInput, BadSource, SentimentError
from sentiment_lib.records import IngestResult
from sentiment_lib.settings import Settings
from sentiment_lib.sources import catalog
from sentiment_lib.sources.base import Source
from sentiment_lib.sources.files import FileSource
from sentiment_lib.sources.landing import Claim, Landing
from sentiment_lib.steps.ingestion import read_budget
from sentiment_lib.steps.ingestion.batch_validation import Batch
from sentiment_lib.steps.ingestion.ingest_notes import IngestNotes
from sentiment_lib.steps.ingestion.prefetch import Prefetcher
from sentiment_lib.steps.ingestion.row_validation import RowValidator
from sentiment_lib.steps.labelling import import_labels
from sentiment_lib.storage import ingests, partitions, tombstones, tweets
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.people import LANDING

log = logging.getLogger(__name__)
BATCH_ROWS = 10_000
#: Partitions that an ingest makes ahead where the DAG `retention` has not: no ingest takes as long.
PARTITIONS_AHEAD = timedelta(days=7)


class IngestTaken(SentimentError):
    """The input {source} is being ingested by another process"""


class NothingIngested(BadSource):
    """{source}: none of its rows got in: {problem}"""


def run(
    store: Store,
    settings: Settings,
    source: Source,
    *,
    now: datetime | None = None,
    on_forgotten: Callable[[Sequence[int]], None] | None = None,
) -> IngestResult:
    """Ingest all rows of the source.

    on_forgotten: called with ids of forgotten tweets that came again. Raises BadSource when it cannot be read to the
    end (rows read before stay stored), BadInput without an author key, IngestTaken when another process ingests the
    same input.
    """
    validator = RowValidator(source.identity, _author_key(settings), now or clock.now(), settings.input)
    with store.begin() as connection:
        partitions.add_missing(connection, validator.latest + PARTITIONS_AHEAD, settings.policy.retention.partition)
    with store.begin() as connection:
        ingest = ingests.open_ingest(connection, source.identity.name, source.identity.digest)
    writer, done, notes = tweets.TweetWriter(ingest.ingest_id), ingest.received, IngestNotes(source.identity.name)
    with Prefetcher(source, validator, skip=done, max_rows=BATCH_ROWS) as chunks:
        while chunks.has_next():
            batch = _store_batch(store, writer, done, chunks, source.identity.name)
            notes.add(batch)
            if on_forgotten is not None and batch.forgotten:
                on_forgotten(batch.forgotten)
            done += batch.received
            progress.report(f"Ingesting {source.identity.name}", done)
            if notes.refuses_most(settings.input.maximum_refused_rows):
                problem = f"it is not read further: {notes.refused()}"
                read_budget.record(store, source, ingest.ingest_id)
                raise BadSource(source=source.identity.name, problem=problem)
    read_budget.record(store, source, ingest.ingest_id)
    if chunks.error is not None:
        raise chunks.error
    with store.begin() as connection:
        result = ingests.finish(connection, ingest.ingest_id)
    return replace(result, notes=(*getattr(source, "notes", ()), *notes.lines()))


def run_file(
    store: Store,
    settings: Settings,
    source: FileSource,
    *,
    now: datetime | None = None,
    on_forgotten: Callable[[Sequence[int]], None] | None = None,
) -> IngestResult:
    """Ingest a file. Raises NothingIngested when no row was stored or is a duplicate; else as `run`."""
    result = run(store, settings, source, now=now, on_forgotten=on_forgotten)
    if result.stored or result.duplicate or result.forgotten:
        return result
    problem = "; ".join(result.notes) if result.received else "it has a header and no row"
    if source.advice is not None:
        problem = f"{problem}; {source.advice}"
    raise NothingIngested(source=result.source, problem=problem)


def _author_key(settings: Settings) -> bytes:
    key = settings.author_key.get_secret_value().encode()
    if not key:
        raise BadInput(what="SENTIMENT_AUTHOR_KEY", problem="it is not set; authors are stored as keyed hashes")
    return key


def _store_batch(store: Store, writer: tweets.TweetWriter, done: int, chunks: Prefetcher, source: str) -> Batch:
    """Store the next chunks in one transaction and return them, without their tweets."""
    batch = Batch()

    def tweet_chunks() -> Iterator[list[tweets.TweetTuple]]:
        while batch.received < BATCH_ROWS and chunks.has_next():
            chunk = chunks.next()
            if check is not None:
                chunk = chunk.without_forgotten(check)
            batch.add(chunk)
            yield chunk.tweets
        chunks.prefetch()

    with store.begin() as connection:
        if not ingests.lock_ingest(connection, writer.ingest_id, done):
            raise IngestTaken(source=source)
        check = tombstones.checker(connection, store)
        stored = writer.write(connection, tweet_chunks())
        tweets.store_labels(connection, writer.ingest_id, batch.labels)
        ingests.store_quarantine(connection, writer.ingest_id, batch.bad)
        counts = {"received": batch.received, "stored": stored, "quarantined": len(batch.bad)}
        counts["forgotten"] = len(batch.forgotten)
        ingests.add_counts(connection, writer.ingest_id, **counts)
    return batch


def run_landing(store: Store, settings: Settings) -> list[IngestResult]:
    """Ingest every file in the landing folder; one that cannot be read goes to failed/ and does not stop the others."""
    _author_key(settings)  # checked first: a missing setting must not move the files to failed/
    landing = Landing(settings.landing)
    results = []
    with landing.exclusive() as acquired:
        if not acquired:
            log.info("another process reads the landing folder")
            return []
        for claim in landing.claims():
            try:
                if claim.problem is not None:
                    raise BadSource(source=claim.file_name, problem=claim.problem)
                forgotten: set[int] = set()
                is_labels = claim.preset == "labels"
                take = _import_labels if is_labels else _ingest
                result = take(store, settings, claim, forgotten.update)
            except (BadSource, BadInput) as error:
                log.warning("%s", error)
                landing.failed(claim, str(error))
            else:
                results.append(result)
                for note in result.notes:
                    log.info("%s: %s", result.source, note)
                if forgotten:  # what is kept of the file does not bring them back
                    record_files.clean(claim.path, Terms(ids=frozenset(forgotten)), settings.input)
                landing.done(claim, result.notes if result.quarantined else ())
    return results


def _ingest(
    store: Store, settings: Settings, claim: Claim, on_forgotten: Callable[[Sequence[int]], None]
) -> IngestResult:
    source = _open(settings, claim, claim.preset if claim.preset != "plain" else None)
    return run_file(store, settings, source, on_forgotten=on_forgotten)


def _open(settings: Settings, claim: Claim, name: str | None) -> FileSource:
    """The claimed file, which is not opened through a link."""
    return FileSource(claim.path, claim.preset, name=name or claim.file_name, limits=settings.input, follow_links=False)


def _import_labels(
    store: Store, settings: Settings, claim: Claim, on_forgotten: Callable[[Sequence[int]], None]
) -> IngestResult:
    """Import labels of the person whom the file's column labelled_by names, else of the one that it is named after.

    Whoever may write to the folder chooses both names, so all its labels have one author, who is no auditor, and files
    do not confirm each other. The result counts labels of stored tweets as duplicates: they bring no tweet.
    """
    named = claim.file_name.partition(".")[0]
    result = import_labels.run(store, _open(settings, claim, None), by=LANDING, named=named, on_forgotten=on_forgotten)
    refused = tuple(f"row {number}: {reason}" for number, reason in result.problems)
    if result.refused and result.refused == result.received:
        raise NothingIngested(source=claim.file_name, problem=refused[0] if refused else "")
    return IngestResult(
        ingest_id=0,
        source=claim.file_name,
        received=result.received,
        stored=0,
        duplicate=result.received - result.refused - result.forgotten,
        forgotten=result.forgotten,
        quarantined=result.refused,
        labels=result.audit + result.person,
        notes=refused,
    )


def run_polled(store: Store, settings: Settings) -> list[IngestResult]:
    """Ingest new tweets from each polled source that the settings enable, within its budget. Raises as `run` does."""
    results = []
    for name, connect in catalog.POLLED.items():

        def newest_id(name: str = name) -> int | None:
            with store.begin() as connection:
                return tweets.newest_id(connection, name)

        source = connect(settings, newest_id)
        if source is None:
            continue
        reason = read_budget.restrict(store, settings, source)
        if reason is None:
            results.append(run(store, settings, source))
        else:
            results.append(read_budget.skipped(source, reason))
    return results
