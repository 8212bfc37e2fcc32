"""The one way from a task to a step: open the store, run the step, give back its record as JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any


def call(step: str, function: str = "run", **arguments: Any) -> Any:
    """Run sentiment_lib.steps.<step>.<function>(store, settings, **arguments).

    The record comes back as JSON values (times in ISO form), small enough for XCom. Errors pass unchanged: the
    retry policy decides by their class.
    """
    from sentiment_lib.settings import load_settings
    from sentiment_lib.storage.engine import Store

    settings = load_settings()
    store = Store.open(settings)
    try:
        run = getattr(import_module(f"sentiment_lib.steps.{step}"), function)
        return plain(run(store, settings, **arguments))
    finally:
        store.close()


def plain(value: Any) -> Any:
    """Records, mappings and sequences as JSON values."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, str):
        return str(value)  # an enum of ours is a string
    return value


def moment(text: str | None) -> datetime | None:
    """An aware time from a Param; None stays None, and a naive one is refused with ValueError."""
    if not text:
        return None
    from sentiment_lib.records import require_aware

    return require_aware(datetime.fromisoformat(text), "at")


def asked_by(dag_run: Any) -> str:
    """Who or what asked for this run, as the ledger keeps it: "dag_id/run_id"."""
    return f"{dag_run.dag_id}/{dag_run.run_id}"
