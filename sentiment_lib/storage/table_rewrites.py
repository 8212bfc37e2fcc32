"""Rewrites tables, so that erased rows leave their pages, indexes and the planner's statistics as well.

Postgres keeps a deleted row in its page until the space is used again, and an inverted index keeps each word for ever.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from sentiment_lib.errors import Busy, SentimentError
from sentiment_lib.storage.engine import Store

#: The file of a table, which a rewrite replaces.
FILE = text("SELECT pg_relation_filenode(CAST(:name AS regclass))")
# ANALYZE leaves the statistics of a table that is empty by now as they were
CLEAR = text(
    "SELECT pg_clear_attribute_stats(n.nspname::text, c.relname::text, a.attname::text, inherited) "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped, "
    "unnest(ARRAY[false, true]) inherited WHERE c.oid = CAST(:name AS regclass)"
)
#: Tables with partitions, of which statistics over all of these were read.
PARENTS = text(
    "SELECT DISTINCT c.relname FROM unnest(CAST(:names AS text[])) name "
    "JOIN pg_inherits i ON i.inhrelid = to_regclass(name) JOIN pg_class c ON c.oid = i.inhparent "
    "WHERE c.relkind = 'p' AND c.reltuples >= 0 ORDER BY c.relname"
)
#: Seconds that a rewrite waits for readers: while it waits, those who come later wait behind it.
LOCK_SECONDS = 3
#: Attempts, with a second in between.
ATTEMPTS = 40


def partitions_of(connection: Connection, request_id: int, tables: Sequence[str]) -> list[str]:
    """Names of the tables, or of their partitions, that hold rows of the tweets which the request names."""
    names: set[str] = set()
    for table in tables:
        if not connection.scalar(text("SELECT to_regclass(:name)"), {"name": table}):
            continue
        columns = "SELECT column_name FROM information_schema.columns WHERE table_name = :name"
        known = set(connection.execute(text(columns), {"name": table}).scalars())
        if "tweet_id" not in known:
            names.add(table)
            continue
        source = f"{table} x JOIN erasure_targets e ON e.tweet_id = x.tweet_id"
        query = text(f"SELECT DISTINCT x.tableoid::regclass::text FROM {source} WHERE e.request_id = :request")
        names.update(connection.execute(query, {"request": request_id}).scalars())
    return sorted(names)


def refresh_statistics(store: Store, names: Sequence[str]) -> None:
    """Read the statistics anew that the tables above these partitions have over all of them, where they have any."""
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        quote = store.engine.dialect.identifier_preparer.quote
        for parent in connection.execute(PARENTS, {"names": list(names)}).scalars().all():
            if connection.scalar(text("SELECT to_regproc('pg_clear_attribute_stats')")):  # from Postgres 18 on
                connection.execute(CLEAR, {"name": quote(parent)})
                connection.exec_driver_sql(f"ANALYZE ONLY {quote(parent)}")
            else:
                connection.exec_driver_sql(f"ANALYZE {quote(parent)}")


def rewrite(store: Store, name: str) -> None:
    """Rewrite a table or partition with its indexes, and read its statistics anew. Raises Busy when it stays in use."""
    quoted = store.engine.dialect.identifier_preparer.quote(name)
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(text("SELECT to_regclass(:name)"), {"name": name}):
            return  # a partition that was removed meanwhile
        connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_SECONDS}s'")
        try:
            for attempt in range(ATTEMPTS):
                try:
                    before = connection.scalar(FILE, {"name": quoted})
                    if connection.scalar(text("SELECT to_regproc('pg_clear_attribute_stats')")):  # from Postgres 18 on
                        connection.execute(CLEAR, {"name": quoted})
                    connection.exec_driver_sql(f"VACUUM (FULL, ANALYZE) {quoted}")
                    if connection.scalar(FILE, {"name": quoted}) == before:
                        # without the right, Postgres warns and does nothing
                        raise SentimentError(
                            f"the table {name} was not rewritten: the role lacks MAINTAIN (Postgres 17)"
                        )
                    return
                except OperationalError as error:
                    if not isinstance(error.orig, LockNotAvailable) or attempt == ATTEMPTS - 1:
                        raise Busy(what=f"table {name}") from error
                    time.sleep(1)
        finally:
            connection.exec_driver_sql("RESET lock_timeout")
