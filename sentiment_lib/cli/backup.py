"""Commands for backups: take one, list and check them, make a key; restore one, and drill the restore."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentiment_lib import clock
from sentiment_lib.cli.common import Json, open_store, show
from sentiment_lib.cli.terminal.progress_bar import progress_bar
from sentiment_lib.cli.terminal.table import draw

if TYPE_CHECKING:
    from sentiment_lib.storage.backups import Backup

Identity = Annotated[Path, typer.Option(help="File of the private key that the backup was encrypted to.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(invoke_without_command=True, help="Back up databases, files and, apart, the secrets.")
    group.callback()(backup)
    group.command("list")(list_backups)
    group.command()(check)
    group.command()(decrypt)
    group.command()(key)
    app.add_typer(group, name="backup")
    app.command()(restore)
    app.command("restore-drill")(restore_drill)


def backup(context: typer.Context, as_json: Json = False) -> None:
    """Take a backup, encrypted to SENTIMENT_BACKUP__RECIPIENT, and remove those past their retention."""
    if context.invoked_subcommand:
        return
    from sentiment_lib.steps.backup import back_up

    with open_store() as (store, settings), progress_bar("Backing up"):
        made = back_up.run(store, settings)
        folder, keys = settings.backups / made.name, settings.backup_keys
    took = (made.finished_at - made.as_of).total_seconds()
    text = f"{folder}: {made.size_bytes / 1e6:,.1f} MB in {took:.0f} s; its secrets are in {keys}: keep them elsewhere"
    show(made, as_json, text)


def list_backups(as_json: Json = False) -> None:
    """List the backups, newest first, and what the last restore drill of each found."""
    from sentiment_lib.storage import backups

    with open_store() as (store, settings), store.begin() as connection:
        found = backups.newest(connection, 100)
        here = {one.name: (settings.backups / one.name).is_dir() for one in found}
    cells = [
        (
            one.name,
            f"{one.size_bytes / 1e6:,.1f} MB",
            "" if here[one.name] else "not in the folder",
            _drill(one),
        )
        for one in found
    ]
    show(found, as_json, draw(("backup (UTC)", "size", "", "drill"), cells) or "No backups: `sentiment backup`")


def _drill(one: Backup) -> str:
    if one.drilled_at is None:
        return "never drilled"
    return one.drill_problem or f"restored in {one.drill_seconds:.0f} s"


def check(
    folder: Annotated[Path, typer.Argument(metavar="BACKUP", help="Folder of the backup.")], as_json: Json = False
) -> None:
    """Compare every byte of a backup with its signed manifest; exit code 1 when something differs."""
    from sentiment_lib.settings import load_settings
    from sentiment_lib.steps.backup import manifest

    with progress_bar("Checking"):
        found = manifest.require_signature(folder, load_settings().key_ring)
        problems = list(manifest.problems(folder, found, manifest.find_keys(folder)))
    text = "\n".join(problems) or f"{found.name} is what was signed: {len(found.files) + 1} files"
    show({"manifest": found, "problems": problems}, as_json, text)
    if problems:
        raise typer.Exit(1)


def decrypt(
    file: Annotated[Path, typer.Argument(help="Encrypted file of a backup.")],
    identity: Identity,
) -> None:
    """Decrypt one file of a backup to standard output: a dump for pg_restore, or an archive for tar."""
    import sys

    from sentiment_lib.encryption import age
    from sentiment_lib.steps.backup import archive

    archive.decrypt(file, age.read_identity(identity), sys.stdout.buffer)


def key(
    file: Annotated[Path, typer.Argument(help="New file for the private key.")],
    as_json: Json = False,
) -> None:
    """Make a key pair: the private key goes into FILE, to be kept away from this machine; the public one is printed."""
    from sentiment_lib.encryption import age
    from sentiment_lib.errors import BadInput
    from sentiment_lib.files import write_atomically
    from sentiment_lib.settings import OWN_FILE, load_settings

    if file.exists():
        raise BadInput(what=f"the file {file}", problem="it exists and is kept: choose another name")
    private, public = age.create_identity()
    lines = (f"# made: {clock.now():%Y-%m-%d %H:%M} UTC", f"# public key: {public}", private)
    write_atomically(file, "\n".join((*lines, "")), mode=0o600)
    text = (
        f"SENTIMENT_BACKUP__RECIPIENT={public}\n\n"
        f"Add this line to {load_settings().home / OWN_FILE} and restart the stack. Move {file} to another machine: "
        "whoever has it can read the backups, and without it nobody can"
    )
    show({"recipient": public, "file": str(file)}, as_json, text)


def restore(
    folder: Annotated[Path, typer.Argument(metavar="BACKUP", help="Folder of the backup.")],
    identity: Identity,
    keys: Annotated[Path | None, typer.Option(help="Archive of its secrets, where it is not beside BACKUP.")] = None,
    public_keys: Annotated[
        Path | None, typer.Option(help="The platform's public signing keys, from elsewhere than the backup.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Restore a backup into SENTIMENT_HOME, which must be empty, and verify it; exit code 1 when it does not verify."""
    from sentiment_lib.cli.stack import local_key
    from sentiment_lib.local import restore as local_restore

    with progress_bar("Checking the backup"):
        result = local_restore.run(folder, identity=identity, make_key=local_key, keys=keys, public_keys=public_keys)
    counts = ", ".join(f"{number} {name}" for name, number in result.verified.checked.items())
    lines = [
        f"{result.home} is as of {result.as_of:%Y-%m-%d %H:%M:%S} UTC, after {result.seconds / 60:.1f} minutes",
        *(result.verified.problems or (f"Everything matches the ledger ({counts})",)),
        *(f"not checked: {note}" for note in result.verified.notes),
        "Start it: `sentiment up`",
    ]
    show(result, as_json, "\n".join(lines))
    if not result.verified.ok:
        raise typer.Exit(1)


def restore_drill(
    identity: Annotated[
        Path | None, typer.Option(help="File of the private key; default: SENTIMENT_BACKUP__DRILL_IDENTITY.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Restore the newest backup into a scratch folder and verify it; exit code 1 when it does not verify."""
    from sentiment_lib.steps.backup import drill

    with open_store() as (store, settings), progress_bar("Restoring into a scratch folder"):
        result = drill.run(store, settings, identity=identity)
    if result.problems:
        text = "\n".join(result.problems)
    elif result.restored:
        text = f"{result.backup} was restored and verified in {result.seconds / 60:.1f} minutes"
    else:
        text = f"{result.backup} is what was signed; without a private key it was not restored"
    show(result, as_json, text)
    if not result.ok:
        raise typer.Exit(1)
