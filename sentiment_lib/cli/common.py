"""What all commands share: options, an open store, output, and errors as one line or one JSON object."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from sentiment_lib.cli import usage_errors
from sentiment_lib.errors import DatabaseStarting, SentimentError, StackNotRunning, StackStarting

if TYPE_CHECKING:
    from rich.console import Console

    from sentiment_lib.settings import Settings
    from sentiment_lib.storage.engine import Store

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit code 1 also when single rows are refused.")]
Columns = Annotated[list[str] | None, typer.Option("--column", help="FIELD=COLUMN, where the file's name differs.")]
Limit = Annotated[int, typer.Option(min=1, help="Maximum number of rows.")]

Row = TypeVar("Row")

#: Postgres' error code for a number that its type does not hold.
OUT_OF_RANGE = "22003"
#: Exit code of a usage error.
MISUSE = 2


@contextmanager
def open_store() -> Iterator[tuple[Store, Settings]]:
    """Store and settings of one command, by the stack's policy; the store is closed at the end of the block."""
    from sentiment_lib.settings import load_settings
    from sentiment_lib.storage import stack_policy
    from sentiment_lib.storage.engine import Store

    settings = load_settings()
    store = Store.open(settings)
    try:
        yield store, stack_policy.in_force(store, settings)
    finally:
        store.close()


def show(result: Any, as_json: bool, text: str) -> None:
    """Print `result` (a record, a list, a dictionary) as one JSON document, or else the text."""
    if as_json:
        value = asdict(result) if is_dataclass(result) and not isinstance(result, type) else result
        typer.echo(json.dumps(value, default=json_default))
    else:
        typer.echo(text)


def newest(rows: Sequence[Row], limit: int) -> list[Row]:
    """The first `limit` of up to one more rows; says on stderr when there are more."""
    if len(rows) > limit:
        typer.echo(f"sentiment: the newest {limit:,} are shown, and there are more; see --limit", err=True)
    return list(rows[:limit])


def stdout() -> Console:
    """Rich's console on standard output: as wide as the terminal, 100 columns elsewhere."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 100)


def show_facts(as_json: bool, **facts: object) -> None:
    """Print named values: `alert id: 3, resolved by: anna`."""
    show(facts, as_json, ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in facts.items()))


def json_default(value: Any) -> Any:
    """JSON form of a value that json.dumps does not know: records as objects, times as ISO 8601, others as text."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def parse_moment(text: str) -> datetime:
    """A day or time in ISO 8601, in UTC without a zone. Raises typer.BadParameter."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"'{text}' is no time: write 2026-12-24, 2026-12-24T18:00 or 2026-12-24T18:00Z"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_columns(pairs: list[str] | None) -> dict[str, str]:
    """Field → column, of FIELD=COLUMN; raises BadInput for a pair of another form."""
    from sentiment_lib.errors import BadInput

    columns = {}
    for pair in pairs or []:
        field, sign, column = pair.partition("=")
        if not (field and sign and column):
            raise BadInput(what=f"--column {pair!r}", problem="write FIELD=COLUMN")
        columns[field] = column
    return columns


def report_error(error: BaseException, *, as_json: bool) -> None:
    """Write the error to stderr: one line, or one JSON object with `error`, `message` and `details`."""
    reported = as_known_error(error)
    text = usage_errors.describe(reported) if isinstance(reported, usage_error()) else str(reported)
    message = " ".join(text.split()) or type(reported).__name__
    if as_json:
        details = reported.details if isinstance(reported, SentimentError) else {}
        document = {"error": type(reported).__name__, "message": message, "details": details}
        print(json.dumps(document, default=json_default), file=sys.stderr)
    else:
        print(f"sentiment: {message}", file=sys.stderr)


def as_known_error(error: BaseException) -> BaseException:
    """An unreachable database as a known error; usage errors and SentimentErrors unchanged, others as text."""
    from sentiment_lib.storage.engine import is_starting_up

    if isinstance(error, SentimentError | usage_error()):
        return error
    if isinstance(error, typer.Abort):
        return SentimentError("stopped before it was done: the input ended, or Ctrl-C")
    if is_starting_up(error):
        return DatabaseStarting()
    if is_unreachable(error):
        return StackStarting() if _is_starting() else StackNotRunning()
    if getattr(getattr(error, "orig", None), "sqlstate", None) == OUT_OF_RANGE:
        return SentimentError("a number is too large: ids and counts end at 9,223,372,036,854,775,807")
    if isinstance(error, OSError) and error.filename:
        return SentimentError(f"{error.strerror}: {error.filename}")
    return SentimentError(f"unexpected {type(error).__name__}: {error} (set SENTIMENT_TRACEBACK=1 for the traceback)")


def _is_starting() -> bool:
    """Whether `sentiment up` of this state folder runs and has not said yet that everything is ready."""
    from sentiment_lib.local import stack

    state = stack.status()
    return state["supervisor"] is not None and not state["up"]


def is_unreachable(error: BaseException) -> bool:
    """Whether no connection to the database could be opened; a server that refuses a statement is reachable."""
    from psycopg import OperationalError as Refused
    from sqlalchemy.exc import OperationalError

    # an error that the server sent has an SQLSTATE; one of the socket has none
    return (
        isinstance(error, OperationalError)
        and isinstance(error.orig, Refused)
        and error.orig.sqlstate is None
        and error.statement is None
    )


def usage_error() -> Any:
    """Typer's class of usage errors; its module depends on the version of Typer."""
    return typer.BadParameter.__mro__[1]
