"""Plain tables for the terminal: aligned columns, no borders, readable by awk."""

from __future__ import annotations

from collections.abc import Sequence


def draw(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows below their header, columns padded to the widest cell; empty without rows."""
    if not rows:
        return ""
    lines = [tuple(header), *map(tuple, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines)
    return "\n".join("  ".join(cells).rstrip() for cells in padded)
