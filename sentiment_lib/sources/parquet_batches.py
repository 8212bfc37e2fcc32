"""Batches of a Parquet file as rows."""

from __future__ import annotations

from typing import Any


def dicts_of(batch: Any) -> list[dict[str, Any]]:
    """Rows of a Parquet batch; where a string is not UTF-8, strings stay bytes, for which the row is quarantined."""
    import pyarrow as pa

    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
    except UnicodeDecodeError:
        fields = [field.with_type(pa.binary()) if pa.types.is_string(field.type) else field for field in batch.schema]
        rows = batch.cast(pa.schema(fields)).to_pylist()
    return rows
