"""Near copies among the texts of labelled tweets, found for the texts that come and go; see `text.near_copies`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
from sqlalchemy import Connection, text

from sentiment_lib.storage.engine import raw
from sentiment_lib.storage.tweet_lookup import tweet_of
from sentiment_lib.text.copies import CANDIDATE, strip_to_words
from sentiment_lib.text.near_copies import PHRASE, Copies, Fingerprint, are_copies

#: A row of two integers in the binary format of COPY, in which Python would write each by itself, and the file's frame.
_COPIED_ROW = np.dtype(
    [("fields", ">i2"), ("print_bytes", ">i4"), ("print", ">i8"), ("key_bytes", ">i4"), ("key", ">i8")]
)
_COPY_HEADER, _COPY_END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
#: Heads that texts with these keys have displaced: those that follow the heads of a print, one for each new head.
DISPLACED = text(
    """
    SELECT DISTINCT behind.text_key FROM (
        SELECT n.print, count(*) AS heads FROM text_prints n, LATERAL (
            SELECT text_key AS head FROM text_prints h WHERE h.print = n.print ORDER BY text_key OFFSET :last LIMIT 1
        ) cut WHERE n.text_key = ANY(:keys) AND n.text_key <= cut.head GROUP BY n.print
    ) new, LATERAL (
        SELECT text_key FROM text_prints b WHERE b.print = new.print ORDER BY text_key OFFSET :phrase LIMIT new.heads
    ) behind
    """
)
#: Texts that become heads when texts with these keys go.
PROMOTED = text(
    """
    SELECT DISTINCT behind.text_key FROM (
        SELECT g.print, count(*) AS heads FROM text_prints g, LATERAL (
            SELECT text_key AS head FROM text_prints h WHERE h.print = g.print ORDER BY text_key OFFSET :last LIMIT 1
        ) cut WHERE g.text_key = ANY(:keys) AND g.text_key <= cut.head GROUP BY g.print
    ) gone, LATERAL (
        SELECT text_key FROM text_prints b WHERE b.print = gone.print AND b.text_key <> ALL(:keys)
        ORDER BY text_key OFFSET :phrase - gone.heads LIMIT gone.heads
    ) behind
    """
)
# a bound by text_key alone, so that the primary key finds the heads of a phrase without its other texts
CANDIDATES = text(
    """
    WITH mine AS MATERIALIZED (
        SELECT m.print, m.text_key, count(*) OVER (PARTITION BY m.text_key) AS prints,
               (SELECT h.text_key FROM text_prints h WHERE h.print = m.print
                ORDER BY h.text_key OFFSET :last LIMIT 1) AS head
        FROM text_prints m WHERE m.text_key = ANY(:keys)
    ), pairs AS (
        SELECT mine.text_key, other.text_key AS other_key, count(*) AS shared, min(mine.prints) AS prints
        FROM mine JOIN LATERAL (
            SELECT o.text_key FROM text_prints o WHERE o.print = mine.print AND o.text_key <> mine.text_key
              AND o.text_key <= CASE WHEN mine.head IS NULL OR mine.text_key <= mine.head
                                     THEN 9223372036854775807 ELSE mine.head END
        ) other ON true GROUP BY mine.text_key, other.text_key
    )
    SELECT text_key, other_key FROM pairs WHERE shared >= :share * least(
        prints, (SELECT count(*) FROM text_prints t WHERE t.text_key = pairs.other_key))
    """
)
WORDS = text(
    "SELECT DISTINCT ON (l.text_key) l.text_key, t.text "
    f"FROM labelled_tweets l JOIN {tweet_of('l')} t USING (tweet_id) "
    "WHERE l.text_key = ANY(:keys) ORDER BY l.text_key, l.tweet_id"
)
FORGET = text(
    "DELETE FROM near_copies WHERE text_key = ANY(:keys) OR other_key = ANY(:keys) RETURNING text_key, other_key"
)


def add(connection: Connection, texts: Iterable[Fingerprint]) -> set[int]:
    """Add texts that no labelled tweet had before; returns the keys whose near copies may have changed.

    Their tweets are stored already.
    """
    new = {one.key: one for one in texts}
    if not new:
        return set()
    _copy_prints(connection, new)
    limits = {"keys": list(new), "last": PHRASE - 1, "phrase": PHRASE}
    displaced = set(connection.execute(DISPLACED, limits).scalars())
    return _compare(connection, displaced | new.keys(), {key: one.words for key, one in new.items()})


def load(connection: Connection, copies: Copies) -> None:
    """Fill the empty tables with the copies among the texts of all labelled tweets."""
    if texts := {one.key: one for one in copies.prints if one is not None}:
        _copy_prints(connection, texts)
    with raw(connection).cursor().copy("COPY near_copies (text_key, other_key) FROM STDIN") as copy:
        for key, others in copies.near.items():
            for other in others:
                copy.write_row((key, other))


def _copy_prints(connection: Connection, texts: Mapping[int, Fingerprint]) -> None:
    prints = np.concatenate([np.fromiter(one.prints, dtype=np.int64) for one in texts.values()])
    rows = np.empty(len(prints), dtype=_COPIED_ROW)
    rows["fields"], rows["print_bytes"], rows["key_bytes"] = 2, 8, 8
    rows["print"] = prints
    rows["key"] = np.repeat(np.array(list(texts), dtype=np.int64), [len(one.prints) for one in texts.values()])
    with raw(connection).cursor().copy("COPY text_prints (print, text_key) FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(_COPY_HEADER + rows.tobytes() + _COPY_END)


def remove(connection: Connection, keys: Collection[int]) -> set[int]:
    """Remove texts that no labelled tweet has any more; returns the keys whose near copies may have changed."""
    if not keys:
        return set()
    limits = {"keys": list(keys), "last": PHRASE - 1, "phrase": PHRASE}
    promoted = set(connection.execute(PROMOTED, limits).scalars())
    changed = _forget(connection, keys)
    connection.execute(text("DELETE FROM text_prints WHERE text_key = ANY(:keys)"), {"keys": list(keys)})
    return (changed | _compare(connection, promoted, {})) - set(keys)


def _compare(connection: Connection, keys: Collection[int], words: Mapping[int, str]) -> set[int]:
    """Find the near copies of these texts anew; `words`: of those whose words are known."""
    if not keys:
        return set()
    changed = set(keys) | _forget(connection, keys)
    limits = {"keys": list(keys), "last": PHRASE - 1, "share": CANDIDATE}
    candidates = {
        (min(row.text_key, row.other_key), max(row.text_key, row.other_key))
        for row in connection.execute(CANDIDATES, limits)
    }
    unknown = {key for pair in candidates for key in pair} - words.keys()
    stored = connection.execute(WORDS, {"keys": list(unknown)})
    known = {**words, **{row.text_key: strip_to_words(row.text) for row in stored}}
    near = [pair for pair in sorted(candidates) if are_copies(known[pair[0]], known[pair[1]])]
    both = [*near, *((other, one) for one, other in near)]
    if both:
        connection.execute(
            text("INSERT INTO near_copies SELECT * FROM unnest(CAST(:keys AS bigint[]), CAST(:others AS bigint[]))"),
            {"keys": [one for one, _ in both], "others": [other for _, other in both]},
        )
    return changed | {key for pair in near for key in pair}


def _forget(connection: Connection, keys: Collection[int]) -> set[int]:
    rows = connection.execute(FORGET, {"keys": list(keys)})
    return {key for row in rows for key in (row.text_key, row.other_key)}
