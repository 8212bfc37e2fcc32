"""Runs a step of `sentiment_lib.steps` inside a task, and turns its record into JSON values for XCom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

if TYPE_CHECKING:
    from sentiment_lib.settings import Settings
    from sentiment_lib.storage.engine import Store

P = ParamSpec("P")
R = TypeVar("R")


def run_step(step: Callable[Concatenate[Store, Settings, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Call `step(store, settings, …)` with the store and settings of this installation, by the stack's policy.

    Import the step's module inside the task: it may need pandas or scikit-learn, and a DAG file must parse without.
    Exceptions pass unchanged, because the retry policy decides by their class.
    """
    from sentiment_lib.settings import load_settings
    from sentiment_lib.storage import stack_policy
    from sentiment_lib.storage.engine import Store

    settings = load_settings()
    store = Store.open(settings)
    try:
        return step(store, stack_policy.in_force(store, settings), *args, **kwargs)
    finally:
        store.close()


def to_xcom(record: Any, *names: str) -> dict[str, Any]:
    """The record (a dataclass) as a JSON object: these fields, or all of them."""
    field_names = names or tuple(field.name for field in fields(record))
    return {name: json_value(getattr(record, name)) for name in field_names}


def json_value(value: Any) -> Any:
    """Records, mappings, sequences, times, paths and enums as JSON values; times in ISO form, durations in seconds."""
    if is_dataclass(value) and not isinstance(value, type):
        return to_xcom(value)
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_value(item) for item in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Path | str):  # str: the enums of records.py are strings, which XCom must see as such
        return str(value)
    return value


def parse_time(text: str | None) -> datetime | None:
    """The time of a Param, None for none; ValueError when it has no time zone."""
    if not text:
        return None
    from sentiment_lib.records import require_aware

    return require_aware(datetime.fromisoformat(text), "at")


def run_key(dag_run: Any) -> str:
    """The run as the ledger names it: "dag_id/run_id"."""
    return f"{dag_run.dag_id}/{dag_run.run_id}"
