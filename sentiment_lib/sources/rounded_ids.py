"""Ids that lost their last digits in a spreadsheet (15 digits), in JavaScript (17) or in a float column.

One id says little. Among several, trailing zeros are no accident: X's ids end in arbitrary decimal digits.
"""

from __future__ import annotations

from collections.abc import Sequence

#: Integers above it do not all fit a float of 64 bits.
LARGEST_EXACT = 1 << 53
#: So many rounded ids are no accident, if they are at least this share of the large ids.
MIN_ROUNDED, MIN_SHARE = 3, 0.5
#: X's ids end in a sequence number of 12 bits that rarely exceeds 8. Such ids are multiples of 4096 or nearly, end in
#: zeros more often than others, and are left out of the evidence.
_SEQUENCE, _USUAL_SEQUENCE = (1 << 12) - 1, 15
REASON = "a spreadsheet, JavaScript or a float type has rounded the ids of this file; export ids as text"


def rounded(ids: Sequence[int], *, already: bool = False) -> set[int]:
    """Those of the ids that are rounded. `already`: earlier ids of the same input were."""
    large = [one for one in ids if one > LARGEST_EXACT]
    if not large:
        return set()
    evident = sum(map(_is_evident, large))
    if not already and (evident < MIN_ROUNDED or evident < MIN_SHARE * len(large)):
        return set()
    return {one for one in large if _may_be_rounded(one)}


def _is_evident(tweet_id: int) -> bool:
    """Whether an unrounded id looks like this once in a hundred times at most."""
    if tweet_id & _SEQUENCE <= _USUAL_SEQUENCE:
        return False
    if tweet_id % 10 ** (len(str(tweet_id)) - 15) == 0:  # 15 digits, as spreadsheets keep
        return True
    return int(float(tweet_id)) == tweet_id or (tweet_id % 100 == 0 and _shortest(tweet_id) == tweet_id)


def _may_be_rounded(tweet_id: int) -> bool:
    return int(float(tweet_id)) == tweet_id or _shortest(tweet_id) == tweet_id or _is_evident(tweet_id)


def _shortest(tweet_id: int) -> int:
    """The id as JavaScript writes it: the shortest digits that name the same float, then zeros."""
    mantissa, _, exponent = f"{float(tweet_id)!r}".partition("e")
    digits = mantissa.replace(".", "")
    return int(digits.ljust(int(exponent) + 1, "0")) if exponent else int(float(tweet_id))
