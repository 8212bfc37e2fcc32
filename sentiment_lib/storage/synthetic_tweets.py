"""Tweets of the sample generator: whether there are any, and their removal."""

from __future__ import annotations

from sqlalchemy import Connection, text

from sentiment_lib.storage import ledger


def any_stored(connection: Connection) -> bool:
    """Whether a synthetic tweet is stored; read from the index of synthetic tweets."""
    return bool(connection.execute(text("SELECT EXISTS (SELECT FROM tweets WHERE synthetic)")).scalar_one())


def remove(connection: Connection, *, by: str) -> int:
    """Delete every synthetic tweet and all that refers to it; returns their number. `by` is recorded in the ledger.

    Predictions, labels, feedback, audit sample, picks, drift reports and day counts go with them. What the ledger
    names stays as it is: snapshots with their rows, models, decisions and deployments.
    """
    removed: int = connection.execute(text("SELECT remove_synthetic_tweets()")).scalar_one()
    if removed:
        ledger.append(connection, "sample_removed", {"tweets": removed, "by": by})
    return removed
