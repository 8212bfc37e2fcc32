"""Blocks: a history divided in time. Model i learns at the end of block i and serves block i + 1 at the earliest."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sentiment_lib.errors import BadInput
from sentiment_lib.replay.history import History

#: Fewest blocks: one to learn from, one to decide after, and two to serve.
FEWEST = 4
_DAY = 24 * 3600 * 10**9


@dataclass(frozen=True, kw_only=True)
class Block:
    """Rows [start, end) of the history; `clock` is the time of its last row, at which policies decide."""

    number: int
    start: int
    end: int
    clock: int

    @property
    def rows(self) -> int:
        """Number of tweets."""
        return self.end - self.start


def parse(history: History, written: str) -> tuple[Block, ...]:
    """Blocks from "day", "500 rows" or "12 blocks". Raises BadInput for another form or fewer than FEWEST."""
    match = re.fullmatch(r"\s*(?:(?P<day>days?)|(?P<count>\d+)\s+(?P<unit>rows|blocks))\s*", written)
    if match is None or match["count"] == "0":
        raise BadInput(what=f"--blocks {written!r}", problem='write "day", "500 rows" or "12 blocks"')
    if match["day"]:
        days = history.created_at // _DAY
        cuts: Iterable[int] = np.flatnonzero(np.diff(days)) + 1
    elif match["unit"] == "rows":
        size = int(match["count"])
        cuts = range(size, history.rows - size // 2, size)  # a short rest belongs to the last block
    else:
        count = int(match["count"])
        cuts = (number * history.rows // count for number in range(1, count))
    blocks = _between(history, cuts)
    if len(blocks) < FEWEST:
        raise BadInput(what=f"--blocks {written!r}", problem=f"it makes {len(blocks)} blocks, and {FEWEST} are needed")
    return blocks


def _between(history: History, cuts: Iterable[int]) -> tuple[Block, ...]:
    # tweets of one moment stay together, so that nothing known at a block's end is of the next block
    times = history.created_at
    borders = sorted({0, history.rows, *(int(np.searchsorted(times, times[cut - 1], side="right")) for cut in cuts)})
    return tuple(
        Block(number=number, start=start, end=end, clock=int(times[end - 1]))
        for number, (start, end) in enumerate(pairwise(borders))
    )
