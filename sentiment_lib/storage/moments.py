"""Moments that Postgres can store and Python cannot: infinity, and years beyond 9999 or before 1."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import psycopg
from psycopg import adapters, pq
from psycopg.abc import AdaptContext, Buffer, Loader

#: What is read in place of a moment that is too early or too late: far from the ends of the calendar, so that days can
#: be added and taken away.
EARLIEST, LATEST = datetime(2, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


class _Clamped:
    """A loader of psycopg's own values that never fails: one such row would stop whoever reads its table."""

    #: name of the type, and what stands for values that are too early and too late
    kind: str
    bounds: tuple[date, date]
    format = pq.Format.TEXT

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        found = adapters.get_loader(adapters.types[self.kind].oid, self.format)
        assert found is not None
        self._exact: Loader = found(oid, context)

    def load(self, data: Buffer) -> Any:
        """The value; EARLIEST or LATEST where Python has none."""
        try:
            return self._exact.load(data)
        except psycopg.DataError:
            written = bytes(data)
            return self.bounds[0 if written.startswith(b"-") or written.endswith(b"BC") else 1]


class MomentLoader(_Clamped):
    """For timestamptz."""

    kind, bounds = "timestamptz", (EARLIEST, LATEST)


class DayLoader(_Clamped):
    """For date."""

    kind, bounds = "date", (EARLIEST.date(), LATEST.date())


def read_clamped(connection: psycopg.Connection[Any]) -> None:
    """Have this connection read every moment and day, those that Python has no value for included."""
    for loader in (MomentLoader, DayLoader):
        connection.adapters.register_loader(loader.kind, loader)
