"""Commands that forget: tweets, authors, what X says, what is too old; receipts; and what is held about a person."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentiment_lib import clock
from sentiment_lib.cli.common import Json, Limit, open_store, show
from sentiment_lib.cli.terminal.progress_bar import progress_bar
from sentiment_lib.cli.terminal.table import draw
from sentiment_lib.cli.token_file import authorise

if TYPE_CHECKING:
    from sentiment_lib.settings import Settings
    from sentiment_lib.steps.erasure.forget import ForgetResult
    from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
    from sentiment_lib.storage.engine import Store
    from sentiment_lib.storage.erasure_requests import ErasureRequest

RequestId = Annotated[int, typer.Argument(min=1, help="Number of the request, as in `sentiment forget list`.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(
        invoke_without_command=True, help="Forget tweets and authors: everywhere, in models too, with a receipt."
    )
    group.callback()(forget)
    group.command("list")(list_requests)
    group.command("show")(show_request)
    group.command("run")(run_requests)
    group.command("check")(check_receipt)
    app.add_typer(group, name="forget")
    app.command("export-person")(export_person)
    app.command()(privacy)


def forget(
    context: typer.Context,
    tweet: Annotated[list[int] | None, typer.Option(min=1, help="Id of a tweet; may be repeated.")] = None,
    author: Annotated[str, typer.Option(help="Name or id of an author: all tweets, and those to come.")] = "",
    file: Annotated[
        Path | None, typer.Option(help="JSON Lines of X's batch compliance or its streams, or ids.")
    ] = None,
    older_than: Annotated[str, typer.Option(help="Age, such as 730d.")] = "",
    later: Annotated[bool, typer.Option("--later", help="Record the request; the DAG carries it out.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before very many tweets are forgotten.")] = False,
    as_json: Json = False,
) -> None:
    """Forget tweets everywhere: from now on they are refused, and with --later the next run of the DAG erases them."""
    if context.invoked_subcommand:
        return
    from sentiment_lib.steps.erasure import forget as step
    from sentiment_lib.steps.erasure import request_erasure
    from sentiment_lib.steps.erasure.request_erasure import ErasureOrder

    with open_store() as (store, settings):
        # neither ids nor names: the ledger keeps what a command was for ever
        person = authorise(store, settings, "forget")
        order = ErasureOrder(
            tweet_ids=tweet or (),
            author=author,
            compliance=None if file is None else request_erasure.read_file(file),
            before=None if not older_than else clock.now() - _age(older_than),
            requested_by=person.name,
            provenance=person.provenance,
        )
        if not yes:
            _confirm(store, settings, order)
        request_id = request_erasure.run(store, settings, order)
        if later:
            with store.begin() as connection:
                from sentiment_lib.storage import erasure_requests

                request = erasure_requests.by_id(connection, request_id)
            show(
                request,
                as_json,
                f"Request {request_id}: {_tweets(request.named)} refused from now on, to be erased by "
                f"{_time(request.due_at)}",
            )
            return
        with progress_bar("Forgetting"):
            result = step.run(store, settings, task_logs=_task_logs())
    show({"request_id": request_id, "result": result}, as_json, f"Request {request_id}\n{_lines(result)}")


def _confirm(store: Store, settings: Settings, order: ErasureOrder) -> None:
    """Ask before a large request, which nobody can take back. Raises BadInput where nobody can be asked."""
    from sentiment_lib.errors import BadInput
    from sentiment_lib.steps.erasure import request_erasure
    from sentiment_lib.storage import large_erasures

    named = request_erasure.count(store, settings, order)
    with store.begin() as connection:
        if not large_erasures.is_large(connection, settings.policy.erasure, named):
            return
    if not sys.stdin.isatty():
        raise BadInput(what="the request", problem=f"it names {_tweets(named)}, for ever; add --yes if that is meant")
    typer.confirm(f"Forget {_tweets(named)}, for ever?", abort=True)


def run_requests(
    models: Annotated[bool, typer.Option(help="Train models again without what was forgotten.")] = True,
    as_json: Json = False,
) -> None:
    """Carry out the requests that wait, as the DAG `forget` does every hour."""
    from sentiment_lib.steps.erasure import forget as step

    with open_store() as (store, settings), progress_bar("Forgetting"):
        result = step.run(store, settings, models=models, task_logs=_task_logs())
    show(result, as_json, _lines(result))


def _task_logs() -> list[Path]:
    """Folder of Airflow's task logs, where this machine's environment names one."""
    named = os.environ.get("AIRFLOW__LOGGING__BASE_LOG_FOLDER")
    return [Path(named)] if named else []


def list_requests(limit: Limit = 30, as_json: Json = False) -> None:
    """List requests to forget with their state and what is left of their time, newest first."""
    from sentiment_lib.storage import erasure_requests

    with open_store() as (store, _), store.begin() as connection:
        requests = erasure_requests.newest(connection, limit)
    cells = [
        (str(one.request_id), one.kind, one.requested_by, f"{one.named:,}", one.state, _clock(one)) for one in requests
    ]
    text = draw(("request", "of", "by", "tweets", "state", "time"), cells) or "No requests to forget"
    show([_public(one) for one in requests], as_json, text)


def show_request(
    request_id: RequestId,
    receipt: Annotated[Path | None, typer.Option(help="Write the signed receipt to this new file.")] = None,
    as_json: Json = False,
) -> None:
    """Show how far a request is: where was searched, what was found, which models, what remains until when."""
    from sentiment_lib.errors import BadInput
    from sentiment_lib.files import write_atomically
    from sentiment_lib.steps.erasure import receipt as receipts

    with open_store() as (store, settings), store.begin() as connection:
        told = receipts.of_request(connection, request_id)
        if receipt is not None:
            if receipt.exists():
                raise BadInput(what=str(receipt), problem="it exists already")
            write_atomically(receipt, json.dumps(receipts.export(connection, settings, request_id), indent=1) + "\n")
    show(told, as_json, _receipt_text(told))


def check_receipt(
    file: Annotated[Path, typer.Argument(help="Receipt of `sentiment forget show --receipt`.")], as_json: Json = False
) -> None:
    """Check the signatures of a receipt; exit code 1 when it is not what the platform signed."""
    from sentiment_lib.errors import BadInput
    from sentiment_lib.settings import load_settings
    from sentiment_lib.steps.erasure import receipt as receipts

    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(what=str(file), problem=f"it cannot be read: {error}") from error
    problems = receipts.problems(content, load_settings().key_ring)
    show({"problems": problems}, as_json, "\n".join(problems) or f"{file} is what the platform signed")
    if problems:
        raise typer.Exit(1)


def export_person(
    author: Annotated[str, typer.Option(help="Name or id of the author who asks.")],
    out: Annotated[Path, typer.Option(help="New file, JSON.")],
    as_json: Json = False,
) -> None:
    """Write everything that is stored about an author, for a request for access; a person hands it over."""
    from sentiment_lib.steps.erasure import export_person as step

    with open_store() as (store, settings):
        person = authorise(store, settings, "export-person")
        rows = step.run(store, settings, author=author, path=out, by=person.name)
    show({"path": str(out), "tweets": rows}, as_json, f"{_tweets(rows)} with all that refers to them: {out}")


def privacy() -> None:
    """Print what is stored about people, why, how long and who reads it, by this installation's policy, as Markdown."""
    from sentiment_lib.erasure import privacy_page
    from sentiment_lib.settings import load_settings

    typer.echo(privacy_page.render(load_settings().policy), nl=False)


def _age(text: str) -> timedelta:
    from sentiment_lib.errors import BadInput

    if not (text[:-1].isascii() and text[:-1].isdigit() and text[-1:] in ("d", "h") and len(text) <= 6):
        raise BadInput(what=f"the age {text!r}", problem="write it as 730d or 12h")
    return timedelta(days=int(text[:-1])) if text.endswith("d") else timedelta(hours=int(text[:-1]))


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _tweets(count: int) -> str:
    return f"{count:,} tweet{'' if count == 1 else 's'}"


def _written(moment: str) -> str:
    """A time as the ledger has it."""
    return _time(datetime.fromisoformat(moment))


def _clock(request: ErasureRequest) -> str:
    """What is left of a request's time, or whether it was kept."""
    if request.erased_at is not None:
        kept = request.erased_at <= request.due_at
        return f"erased {_time(request.erased_at)}" + ("" if kept else ", too late")
    left = request.due_at - clock.now()
    hours = abs(left) / timedelta(hours=1)
    return f"{hours:.1f} hours left" if left > timedelta(0) else f"{hours:.1f} hours too late"


def _public(request: ErasureRequest) -> dict[str, Any]:
    return {name: value for name, value in vars(request).items() if name != "subject"}


def _lines(result: ForgetResult) -> str:
    lines = [f"request {number}: erased from everything but models" for number in result.erased]
    lines += [f"request {number}: waits for the rewrite of the tables" for number in result.waiting]
    lines += [f"version {old} is replaced by version {new}" for old, new in result.retrained]
    lines += [f"package of version {number} erased" for number in result.erased_versions]
    lines += [f"request {number}: done" for number in result.done]
    return "\n".join([*lines, *result.notes]) or "Nothing to forget"


def _airflow(found: dict[str, Any]) -> list[str]:
    """What was found of what people typed into Airflow, and whether somebody looked."""
    lines = [f"Run {run} of Airflow speaks of it: delete it there" for run in found.get("speaking", ())]
    if found.get("problem"):
        lines.append(f"What people typed into Airflow was not all searched: {found['problem']}")
    return lines


def _receipt_text(told: dict[str, Any]) -> str:
    of = f"{_tweets(told['named'])}, {told['state']}"
    lines = [f"Request {told['request_id']} ({told['kind']}) by {told['requested_by']}: {of}"]
    lines.append(f"Received {_time(told['received_at'])}, to be erased by {_time(told['due_at'])}")
    for row in told["ledger"]:
        if row["kind"] == "erasure":
            found = [(name, f"{count:,}") for name, count in row["found"].items() if count]
            lines += [f"Erased {_written(row['erased_at'])}, signed as row {row['sequence']} of the ledger"]
            lines += [draw(("where", "found and erased"), found) if found else "It was in no place of this platform"]
            not_searched = {*row["holding_nothing"], "backups"}
            lines += [f"Searched: {', '.join(name for name in row['searched'] if name not in not_searched)}"]
            lines += [f"Holding nothing of a tweet: {', '.join(row['holding_nothing'])}"]
            lines += _airflow(row.get("airflow", {}))
            if row.get("unreadable"):
                lines += [f"Files that cannot be read, searched as bytes: {', '.join(row['unreadable'])}"]
            if row.get("unfinished"):
                lines += [f"Files of the landing folder that somebody may be writing: {', '.join(row['unfinished'])}"]
            lines += [
                f"Snapshot {number} lost its rows and is proved by nothing: {why}"
                for number, why in row.get("snapshots_without_proof", {}).items()
            ]
            lines += [f"Backup {one['name']} holds it until {_written(one['expires_at'])}" for one in row["backups"]]
            if row["exports_out_of_reach"]:
                lines += [
                    f"Exports on other machines, or downloaded: {row['exports_out_of_reach']}; tell who made them"
                ]
            lines += [f"Export {one['export']} was left as it is: {one['why']}" for one in row.get("exports_left", ())]
    for one in told["versions"]:
        gone, due = one["erased_at"], one["due_at"]
        state = f"erased {_time(gone)}" if gone else f"to be erased by {_time(due)}"
        by = ", to be trained again" if one["retrain"] else ""
        by = f", replaced by version {one['replacement']}" if one["replacement"] else by
        exact = {True: ", byte for byte reproducible", False: ", NOT reproducible", None: ""}[one["exact"]]
        lines.append(f"Version {one['version']} ({one['relation']}, {one['rows']} rows): {state}{by}{exact}")
    return "\n".join(lines)
