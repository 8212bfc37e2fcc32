"""Ids that lost their last digits in a spreadsheet (15 digits), in JavaScript (17) or in a float column.

One id is little evidence. Trailing zeros in several are no coincidence: X's ids end in arbitrary decimal digits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Integers above it do not all fit a float of 64 bits.
LARGEST_EXACT = 1 << 53
#: Minimum number of rounded ids, and minimum share of the large ids, that count as evidence.
MIN_ROUNDED, MIN_SHARE = 3, 0.5
#: X's ids end in a sequence number of 12 bits that rarely exceeds 8. Such ids are multiples of 4096 or nearly, end in
#: zeros more often than others, and are left out of the evidence.
_SEQUENCE, _USUAL_SEQUENCE = (1 << 12) - 1, 15
_DIGITS_KEPT = 15
REASON = "a spreadsheet, JavaScript or a float type has rounded the ids of this file: export ids as text"


def find_rounded(ids: Sequence[int], *, already: bool = False) -> NDArray[np.bool_]:
    """Which of the ids (n,) are rounded; none without enough evidence. `already`: earlier ones of the input were."""
    numbers = np.asarray(ids, dtype=np.int64)
    large: NDArray[np.bool_] = numbers > LARGEST_EXACT
    if not large.any():
        return large
    exact = large & (numbers.astype(np.float64).astype(np.int64) == numbers)
    cut = large & (numbers % _power_behind(numbers) == 0)
    shortest = large & (numbers % 100 == 0)
    for index in np.flatnonzero(shortest):
        shortest[index] = _as_javascript(int(numbers[index])) == numbers[index]
    zeros: NDArray[np.bool_] = exact | cut | shortest
    evident = int((zeros & (numbers & _SEQUENCE > _USUAL_SEQUENCE)).sum())
    if not already and (evident < MIN_ROUNDED or evident < MIN_SHARE * int(large.sum())):
        return np.zeros_like(large)
    return zeros


def _power_behind(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """10 to the number of digits that a spreadsheet sets to zero."""
    powers = np.ones_like(numbers)
    for digits in range(_DIGITS_KEPT + 1, 20):
        powers[numbers >= 10 ** (digits - 1)] = 10 ** (digits - _DIGITS_KEPT)
    return powers


def _as_javascript(tweet_id: int) -> int:
    """The id as JavaScript writes it: the shortest digits that name the same float, then zeros."""
    mantissa, _, exponent = f"{float(tweet_id)!r}".partition("e")
    digits = mantissa.replace(".", "")
    return int(digits.ljust(int(exponent) + 1, "0")) if exponent else int(float(tweet_id))
