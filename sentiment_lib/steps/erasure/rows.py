"""Places in the database: the quarantine, texts that quote tweets, and the tweets with all that refers to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from sentiment_lib.erasure import refused_rows
from sentiment_lib.steps.erasure.search import Search
from sentiment_lib.storage import erased_rows, erasure_requests, snapshots
from sentiment_lib.storage.engine import lock
from sentiment_lib.storage.erased_rows import QUOTING, TextColumns

#: Quarantined rows deleted by one transaction.
BATCH = 1_000


def count_quarantined(search: Search) -> int:
    """Quarantined rows that speak of a forgotten tweet."""
    return sum(1 for _ in _quarantined(search))


def erase_quarantined(search: Search) -> None:
    """Delete them."""
    found = list(_quarantined(search))
    rest = iter(found)
    while page := list(islice(rest, BATCH)):
        with search.store.begin() as connection:
            erased_rows.delete_quarantined(connection, page)


def _quarantined(search: Search) -> Iterator[int]:
    with search.store.begin() as connection:
        for quarantine_id, reason, raw in erased_rows.quarantined(connection):
            if refused_rows.speaks(reason, raw, search.terms):
                yield quarantine_id


def quoting(table: str) -> tuple[Callable[[Search], int], Callable[[Search], None]]:
    """How rows of a table that quote tweets are counted and cleaned."""
    (columns,) = [columns for columns in QUOTING if columns.table == table]

    def count(search: Search) -> int:
        return len(_differing(search, columns))

    def erase(search: Search) -> None:
        for key, values in _differing(search, columns):
            with search.store.begin() as connection:
                erased_rows.replace_words(connection, search.request.request_id, columns, key, values)

    return count, erase


def _differing(search: Search, columns: TextColumns) -> list[tuple[int, dict[str, Any]]]:
    with search.store.begin() as connection:
        return list(_cleaned(connection, search, columns))


def _cleaned(connection: Connection, search: Search, columns: TextColumns) -> Iterator[tuple[int, dict[str, Any]]]:
    return erased_rows.differing(connection, columns, search.terms.clean, first=search.first, last=search.last)


def count_tweets(search: Search) -> Counter[str]:
    """Rows of the forgotten tweets by table."""
    counts = Counter[str]()
    with search.store.begin() as connection:
        for page in erasure_requests.targets(connection, search.request.request_id):
            counts.update(erased_rows.count_stored(connection, page))
    return counts


def erase_tweets(search: Search) -> None:
    """Erase the tweets with all rows that refer to them, frozen ones included, in batches of one transaction each.

    The files of the snapshots still hold them until `snapshot_files.rewrite_erased`, which finds what to write again.
    """
    last = 0
    while True:
        with search.store.begin() as connection:
            page = erasure_requests.page_of_targets(connection, search.request.request_id, after=last)
            if not page:
                return
            lock(connection, "snapshot")  # no snapshot is frozen from rows that vanish
            # what quoted them since they were searched: a run that is killed later knows their words no more
            for columns in QUOTING:
                for key, values in _cleaned(connection, search, columns):
                    erased_rows.replace_words(connection, search.request.request_id, columns, key, values)
            erased_rows.erase(connection, search.request.request_id, page)
            # after the labels, whose erasure queues their tweets for the next snapshot
            snapshots.erase_rows(connection, search.request.request_id, page, unproven=search.unproven)
        last = page[-1]
