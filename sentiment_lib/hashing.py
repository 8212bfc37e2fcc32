"""SHA-256 of texts and files, and canonical JSON: equal values give equal bytes.

Standard library only, because settings, and with them every DAG file, import it: numpy is known by its module's name.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from pathlib import Path

#: Significant digits kept of a float: the last bits of a metric differ between processors, the tenth digit does not.
SIGNIFICANT_DIGITS = 10
_SHA256 = re.compile(r"[0-9a-f]{64}")


def hash_text(text: str) -> str:
    """SHA-256 of the UTF-8 bytes, in hex (64 characters)."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def is_digest(written: str) -> bool:
    """Whether this is a SHA-256 in hex, and thus no path."""
    return _SHA256.fullmatch(written) is not None


def hash_file(path: Path) -> str:
    """SHA-256 of the file's bytes, in hex. Raises OSError when it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_json(value: object) -> str:
    """JSON with sorted keys, no spaces, unescaped UTF-8 and one form for each float.

    Raises ValueError and TypeError as `to_json_value` does.
    """
    return json.dumps(to_json_value(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def to_json_value(value: object) -> object:
    """Convert to JSON's own types: enums by value, times as ISO 8601, arrays and tuples as lists, floats rounded.

    Raises ValueError for NaN and infinities (write None instead), and TypeError for a type without a JSON form.
    """
    if value is None or isinstance(value, bool):
        return value
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return to_json_value(value.tolist())  # arrays as lists, scalars as Python's own
    if isinstance(value, Enum):
        return to_json_value(value.value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _round(float(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): to_json_value(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [to_json_value(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical form")


def _round(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(f"{number} has no canonical form")
    rounded = float(f"{number:.{SIGNIFICANT_DIGITS}g}")
    return rounded + 0.0  # -0.0 becomes 0.0
