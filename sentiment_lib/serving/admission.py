"""Admission of work: what a request costs, how much of it one key may have in flight, and when load is shed.

The unit of cost is one prediction of a short text. Explanations have a process of their own, so plain predictions wait
for plain predictions, and explanations for explanations.
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
    return sum((1 + len(text) // UNIT_CHARACTERS) * (1 + _words(text)) for text in texts)


def _words(text: str) -> int:
    return min(len(text.split(None, MAX_WORDS)), MAX_WORDS)


class Admission:
    """Admits work up to a bound in flight for each key, and sheds what would wait for too long."""

    def __init__(self, key_units: float, shed_seconds: float, unit_seconds: Callable[[bool], float]) -> None:
        self._key_units = key_units
        self._shed_seconds = shed_seconds
        #: measured seconds of one unit, of plain predictions (False) or of explanations (True)
        self._unit_seconds = unit_seconds
        self._by_key: defaultdict[str, float] = defaultdict(float)
        #: units in flight, of either kind
        self._units = {False: 0.0, True: 0.0}

    @contextmanager
    def admit(self, key: str, units: float, *, explain: bool = False) -> Iterator[None]:
        """The work is in flight within the context.

        Raises HTTPException, with Retry-After: 429 when the key has too much in flight (one request alone is always
        admitted), 503 when it would wait for more than `shed_seconds`.
        """
        held = self._by_key.get(key, 0.0)
        if held and held + units > self._key_units:
            raise HTTPException(429, "too much work of this key is in flight", headers={"Retry-After": "1"})
        wait = self._units[explain] * self._unit_seconds(explain)
        if wait > self._shed_seconds:
            raise HTTPException(
                503,
                f"overloaded: this request would wait for {wait:.0f} seconds",
                headers={"Retry-After": str(max(1, round(wait)))},
            )
        self._by_key[key] += units
        self._units[explain] += units
        try:
            yield
        finally:
            self._by_key[key] -= units
            if self._by_key[key] <= 0:
                del self._by_key[key]
            self._units[explain] -= units
