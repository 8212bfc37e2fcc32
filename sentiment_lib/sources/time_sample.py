"""A random sample of time: the periods of an interval that are read when not everything can be.

A source that searches by time, and offers no sampling of its own, is sampled by slots of time. Each slot is in the
sample with the probability `share`, by a hash of its beginning: every tweet has the same probability of inclusion,
whatever it says and whoever wrote it, and a poll that is repeated reads the same slots. Tweets of one slot come
together, so a sample varies more than as many tweets drawn one by one where they speak of the same event.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b

#: Shortest slot. A slot doubles until an interval has at most MAX_SLOTS: each needs a request.
SLOT_SECONDS = 60
MAX_SLOTS = 120
#: Neighbouring slots are read together up to this length, so that a cap is never exceeded by much.
LONGEST_SECONDS = 3600

Period = tuple[datetime, datetime]


def sampled_periods(start: datetime, end: datetime, share: float) -> list[Period]:
    """Disjoint periods [from, until) of the interval, oldest first; with share 1 they cover it.

    Bounds are whole seconds. Raises ValueError for a share out of (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"the share {share} is not above 0 and at most 1")
    first, last = int(start.timestamp()), int(end.timestamp())
    length = SLOT_SECONDS
    while (last - first) / length > MAX_SLOTS:
        length *= 2
    longest = max(length, LONGEST_SECONDS)
    periods: list[list[int]] = []
    for slot in range(first - first % length, last, length):
        if _draw(slot, length) >= share:
            continue
        begins, ends = max(slot, first), min(slot + length, last)
        if periods and periods[-1][1] == begins and ends - periods[-1][0] <= longest:
            periods[-1][1] = ends
        else:
            periods.append([begins, ends])
    return [(datetime.fromtimestamp(begins, UTC), datetime.fromtimestamp(ends, UTC)) for begins, ends in periods]


def _draw(slot: int, length: int) -> float:
    """A number in [0, 1) that depends on the slot alone."""
    return int.from_bytes(blake2b(f"{length} {slot}".encode(), digest_size=6).digest(), "big") / 2**48
