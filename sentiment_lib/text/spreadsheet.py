"""CSV cells that a spreadsheet neither runs as a formula nor rounds; the import reads them back."""

from __future__ import annotations

from typing import Any

#: Prefixes that a spreadsheet interprets as a formula (CSV injection, CWE-1236).
FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: Spreadsheets keep 15 digits of a number.
LARGEST_EXACT = 10**15


def guard(value: Any) -> Any:
    """The value for a cell: times as ISO 8601; an apostrophe before long numbers and texts that look like formulas."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, int) and value >= LARGEST_EXACT:
        return f"'{value}"
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
