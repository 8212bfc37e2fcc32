"""What the champion has to score: waiting tweets first, then those of before its deployment, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection

from sentiment_lib.storage import deployments, rescoring, scoring_queue


class Backlog:
    """The tweets to be scored by one version, batch by batch, as long as it is the champion.

    window: how long before the newest tweet rescoring ends; None: it goes back to the first.
    ids: smallest and largest tweet id; only what waits between them is scored, and nothing rescored.
    """

    def __init__(
        self, version: int, *, window: timedelta | None, rows: int, ids: tuple[int, int] | None = None
    ) -> None:
        self._version, self._window, self._rows = version, window, rows
        self._rescores = ids is None
        self._before, self._last = (ids[0] - 1, ids[1]) if ids else (0, scoring_queue.NO_ID)
        self._after = self._before
        self._page: rescoring.Page | None = None

    def count(self, connection: Connection) -> int | None:
        """Number of waiting tweets; None when none waits, since what remains to rescore is not counted."""
        return scoring_queue.count(connection) or None

    def next_rows(self, connection: Connection) -> list[tuple[int, str]]:
        """The next (tweet id, text), by id; nothing at the end, or when another version has become champion."""
        move = deployments.last_move(connection)
        if move is None or move.to_version != self._version:
            return []
        if rows := self._waiting(connection):
            self._page = None
            return rows
        if not self._rescores:
            return []
        while page := rescoring.next_page(
            connection, move.deployment_id, self._version, window=self._window, rows=self._rows
        ):
            if page.unscored:
                self._page = page
                return page.unscored
            rescoring.advance(connection, page)
        return []

    def _waiting(self, connection: Connection) -> list[tuple[int, str]]:
        """The next tweets of the queue. It goes on after the last one, where no removed rows have to be passed."""
        rows = scoring_queue.first(connection, after=self._after, last=self._last, rows=self._rows)
        if not rows and self._after != self._before:
            rows = scoring_queue.first(connection, after=self._before, last=self._last, rows=self._rows)
        self._after = rows[-1][0] if rows else self._before
        return rows

    def finish(self, connection: Connection, tweet_ids: Sequence[int]) -> None:
        """Note that the rows are scored, in the transaction that stores their predictions."""
        if self._page is None:
            scoring_queue.remove(connection, tweet_ids, self._version)
        else:
            rescoring.advance(connection, self._page)
