"""Erase what a request names from every place but the models: search all places, then empty them, the tweets last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sentiment_lib import progress
from sentiment_lib.settings import Settings
from sentiment_lib.steps.erasure import (
    affected_versions,
    airflow_records,
    files,
    request_erasure,
    rows,
    tombstone_files,
)
from sentiment_lib.steps.erasure.search import Search, prepare
from sentiment_lib.steps.training import commit_snapshots, snapshot_files
from sentiment_lib.storage import erasure_requests, snapshots, table_rewrites, tombstones, version_erasures
from sentiment_lib.storage.engine import Store, lock
from sentiment_lib.storage.erasure_requests import ERASING, ErasureRequest


class Handler(NamedTuple):
    """How one place of the catalogue is searched and emptied. Emptying twice changes nothing."""

    count: Callable[[Search], int]
    erase: Callable[[Search], None]


#: By entry of the catalogue, in the order in which they are emptied. What copies a tweet comes before the tweet: a run
#: that was killed finds the words to search for as long as it needs them.
HANDLERS: Mapping[str, Handler] = {
    "landing": Handler(files.count_landing, files.erase_landing),
    "snapshots": Handler(files.count_snapshot_files, files.erase_snapshot_files),
    "exports": Handler(files.count_exports, files.erase_exports),
    "spool": Handler(files.count_spooled, files.erase_spooled),
    "answers for retries": Handler(files.count_answers, files.erase_answers),
    "logs": Handler(files.count_logs, files.erase_logs),
    "reports": Handler(files.count_reports, files.erase_reports),
    "checkpoints": Handler(files.count_checkpoints, files.erase_checkpoints),
    "scratch folders": Handler(files.count_scratch, files.erase_scratch),
    "alerts": Handler(*rows.quoting("alerts")),
    "comments on alerts": Handler(*rows.quoting("alert_responses")),
    "drift reports": Handler(*rows.quoting("drift_reports")),
    "ingests": Handler(*rows.quoting("ingests")),
    "quarantine": Handler(rows.count_quarantined, rows.erase_quarantined),
}
#: Tables that are rewritten once rows of theirs were erased.
REWRITTEN = (
    *("tweets", "predictions", "labels", "label_picks", "feedback", "audit_sample", "tweets_to_score"),
    *("frozen_rows", "labelled_tweets", "quarantine", "alerts", "alert_responses", "drift_reports", "ingests"),
)
#: Tables whose rows, or the ids in them, come and go: the planner's statistics may have ids that the rows have no more.
QUEUES = ("tweets_to_score", "label_changes", "rescoring", "labelled_chunks")
#: Tables that lose rows with another, and do not say of which tweet.
FOLLOWING = {
    "labels": ("label_changes",),
    "label_picks": ("label_changes",),
    "labelled_tweets": ("text_prints", "near_copies"),
}


def run(store: Store, settings: Settings, request: ErasureRequest, *, task_logs: Sequence[Path] = ()) -> None:
    """Erase everything but the models; the request is in the state ERASING afterwards, and its ids remain.

    task_logs: folders of Airflow's task logs outside SENTIMENT_HOME. Idempotent, and safe to kill at any point: numbers
    of what was found are recorded before anything is erased.
    """
    with store.begin() as connection:
        request_erasure.complete(connection, settings, request)
    with store.begin() as connection:
        erasure_requests.set_state(connection, request.request_id, ERASING)
        request_erasure.claim(connection, settings, request)
        tombstone_files.write(connection, settings, request.request_id)
        affected = affected_versions.find(connection, request.request_id)
        due_at = request.received_at + settings.policy.erasure.models_within
        version_erasures.name(connection, request.request_id, affected, due_at)
        touched = table_rewrites.partitions_of(connection, request.request_id, REWRITTEN)
        touched += [*QUEUES, *(name for table in touched for name in FOLLOWING.get(table, ()))]
        held = snapshots.holding(connection, request.request_id)
    # those of earlier releases could not lose a row
    unproven = commit_snapshots.run(store, settings, held).unproven
    search = prepare(store, settings, request, task_logs=task_logs, unproven=unproven)
    if search.refused_rows:
        with store.begin() as connection:
            lock(connection, "erasure")
            tombstones.complete(connection, request.request_id, sorted(search.refused_rows))
            tombstone_files.write(connection, settings, request.request_id)
    _record(search, touched)
    for name, handler in HANDLERS.items():
        progress.report(f"Erasing {name}")
        handler.erase(search)
    _record_left(search)
    progress.report("Erasing tweets")
    rows.erase_tweets(search)
    snapshot_files.rewrite_erased(store, settings)
    # what quoted a tweet between the search and its erasure
    for name in ("alerts", "comments on alerts", "drift reports"):
        HANDLERS[name].erase(search)


def _record(search: Search, touched: list[str]) -> None:
    """Record what is there, in numbers; a repeated run finds less, and the larger number stays."""
    counts: dict[str, int] = {}
    for name, handler in HANDLERS.items():
        progress.report(f"Searching {name}")
        counts[name] = handler.count(search)
    counts.update(rows.count_tweets(search))
    progress.report("Searching what people typed into Airflow")
    airflow = vars(airflow_records.search(search.settings, search.terms))
    with search.store.begin() as connection:
        before = erasure_requests.by_id(connection, search.request.request_id).counts
        found = {name: max(count, before.get("found", {}).get(name, 0)) for name, count in counts.items()}
        named = sorted({*touched, *before.get("rewrite", ())})
        unreadable = sorted({*search.unreadable, *before.get("unreadable", ())})
        unfinished = sorted({*search.unfinished, *before.get("unfinished", ())})
        # a run that is carried on after the rows are gone finds no snapshot with them
        unproven = {**before.get("unproven", {}), **{str(number): why for number, why in search.unproven.items()}}
        # nor the words to look for
        if before.get("airflow") and not before["airflow"]["problem"]:
            airflow = before["airflow"]
        recorded = {"found": found, "rewrite": named, "unreadable": unreadable, "unproven": unproven}
        recorded |= {"unfinished": unfinished, "left": before.get("left", {}), "airflow": airflow}
        erasure_requests.record_counts(connection, search.request.request_id, recorded)


def _record_left(search: Search) -> None:
    """Record which files of exports were left as they are, which a repeated run may not be able to tell."""
    left = {str(number): why for number, why in search.left.items()}
    with search.store.begin() as connection:
        counts = dict(erasure_requests.by_id(connection, search.request.request_id).counts)
        counts["left"] = {**counts.get("left", {}), **left}
        erasure_requests.record_counts(connection, search.request.request_id, counts)


def rewrite_tables(store: Store, settings: Settings, requests: list[ErasureRequest], now: datetime) -> bool:
    """Rewrite the tables that lost rows, for all requests at once, when one of them is due; whether it was done.

    Rewriting takes erased rows out of pages, indexes and the planner's statistics.
    """
    if not requests or now < min(request.received_at for request in requests) + settings.policy.erasure.rewrite_after:
        return False
    named = sorted({name for request in requests for name in request.counts.get("rewrite", ())})
    for name in named:
        progress.report(f"Rewriting {name}")
        table_rewrites.rewrite(store, name)
    table_rewrites.refresh_statistics(store, named)
    return True


def remove_ids(store: Store, request: ErasureRequest) -> None:
    """Remove what the request searched for: ids and subject. It stays in ERASING."""
    with store.begin() as connection:
        erasure_requests.drop_subject(connection, request.request_id)
    for table in ("erasure_targets", "erasure_requests"):
        table_rewrites.rewrite(store, table)
