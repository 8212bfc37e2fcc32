"""One byte string for one piece of evidence, so that it can be hashed, stored and compared byte for byte."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import Enum

import numpy as np

#: Digits that are kept of a float. The last bits differ between processors; the tenth digit of a figure does not.
SIGNIFICANT_DIGITS = 10


def plain(value: object) -> object:
    """The value with only JSON's own types, floats rounded to ten significant digits and tuples as lists.

    Raises ValueError for NaN and infinities (write None instead) and TypeError for what has no plain form.
    """
    if value is None or isinstance(value, bool | np.bool_):
        return None if value is None else bool(value)
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return _rounded(float(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical form")


def _rounded(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(f"{number} has no canonical form")
    rounded = float(f"{number:.{SIGNIFICANT_DIGITS}g}")
    return rounded + 0.0  # -0.0 and 0.0 are one figure


def canonical_json(obj: object) -> str:
    """Sorted keys, no spaces, UTF-8 as it is, fixed float form; equal evidence gives equal bytes."""
    return json.dumps(plain(obj), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256(text: str) -> str:
    """SHA-256 of the UTF-8 bytes, in hex (64 characters)."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
