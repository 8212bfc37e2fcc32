"""Admission of work: what a request costs, how much of it one key may have in flight, and when load is shed.

The unit of cost is one prediction of a short text. Plain predictions are served before explanations, so they wait for
other plain predictions only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from fastapi import HTTPException

from sentiment_lib.families.attribution import MAX_WORDS

#: Characters of a text that cost one unit.
UNIT_CHARACTERS = 1000
#: Bytes of a large body that cost one unit to read.
UNIT_BYTES = 4096


def cost_of(texts: Sequence[str], *, explain: bool) -> float:
    """Units of predicting the texts; an explanation costs a prediction for each word, up to MAX_WORDS."""
    if not explain:
        return sum(1 + len(text) // UNIT_CHARACTERS for text in texts)
    return sum((1 + len(text) // UNIT_CHARACTERS) * (1 + min(len(text.split()), MAX_WORDS)) for text in texts)


class Admission:
    """Admits work up to a bound in flight for each key, and sheds what would wait for too long."""

    def __init__(self, key_units: float, shed_seconds: float, unit_seconds: Callable[[], float]) -> None:
        self._key_units = key_units
        self._shed_seconds = shed_seconds
        #: measured seconds of one unit
        self._unit_seconds = unit_seconds
        self._by_key: defaultdict[str, float] = defaultdict(float)
        self._plain = 0.0
        self._explained = 0.0

    @contextmanager
    def admit(self, key: str, units: float, *, explain: bool = False) -> Iterator[None]:
        """The work is in flight within the context.

        Raises HTTPException, with Retry-After: 429 when the key has too much in flight (one request alone is always
        admitted), 503 when it would wait for more than `shed_seconds`.
        """
        held = self._by_key.get(key, 0.0)
        if held and held + units > self._key_units:
            raise HTTPException(429, "too much work of this key is in flight", headers={"Retry-After": "1"})
        ahead = self._plain + (self._explained if explain else 0.0)
        wait = ahead * self._unit_seconds()
        if wait > self._shed_seconds:
            raise HTTPException(
                503,
                f"overloaded: this request would wait for {wait:.0f} seconds",
                headers={"Retry-After": str(max(1, round(wait)))},
            )
        self._by_key[key] += units
        self._add(units, explain=explain)
        try:
            yield
        finally:
            self._by_key[key] -= units
            if self._by_key[key] <= 0:
                del self._by_key[key]
            self._add(-units, explain=explain)

    def _add(self, units: float, *, explain: bool) -> None:
        if explain:
            self._explained += units
        else:
            self._plain += units
