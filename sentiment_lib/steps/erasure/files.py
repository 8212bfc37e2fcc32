"""Places below the state folder, and files that commands wrote elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sentiment_lib import clock, scratch
from sentiment_lib.erasure import live_files, record_files, values
from sentiment_lib.erasure.terms import Terms
from sentiment_lib.files import pinned
from sentiment_lib.sources import landing
from sentiment_lib.sources.input_file import printable
from sentiment_lib.steps.erasure import exported_files
from sentiment_lib.steps.erasure.search import Search
from sentiment_lib.storage import exports, snapshot_proofs, snapshots

#: Below it no link is followed to a file of an export, whose folders may be anybody's.
ROOT = Path("/")
#: Somebody may be writing a file of the landing folder that changed since, and that no poll would read.
BEING_WRITTEN = timedelta(hours=1)
#: Seconds that the API gets to drain its spool: it does so five times a second.
DRAIN_SECONDS = 3.0


def count_landing(search: Search) -> int:
    """Records of forgotten tweets in files that were ingested or refused, in the reasons beside them, and in others.

    Files that somebody may be writing are named for the receipt.
    """
    for path in _landed(search, unfinished=True):
        if _count_records(path, search, trusted=search.settings.landing):
            search.unfinished.add(search.terms.without(printable(path.name)))
    return sum(_count_records(path, search, trusted=search.settings.landing) for path in _landed(search))


def erase_landing(search: Search) -> None:
    """Leave them out."""
    for path in _landed(search):
        _clean_records(path, search, trusted=search.settings.landing)


def _landed(search: Search, *, unfinished: bool = False) -> Iterator[Path]:
    """Files below the landing folder; `unfinished`: those that somebody may be writing, or else the others."""
    folder, since = search.settings.landing, (clock.now() - BEING_WRITTEN).timestamp()
    for path in _files(folder):
        # files that wait are ingested within minutes, and lose these records then
        if landing.is_read(folder, path) or path == folder / landing.LOCK:
            continue
        is_ours = {"done", "failed"} & set(path.relative_to(folder).parts[:1])
        try:
            if unfinished == (not is_ours and path.stat().st_mtime > since):
                yield path
        except FileNotFoundError:
            continue


def _files(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _count_records(path: Path, search: Search, *, trusted: Path) -> int:
    try:
        found = record_files.search(path, search.terms, search.settings.input, trusted=trusted)
    except FileNotFoundError:  # removed by retention meanwhile
        return 0
    if not found.readable:
        search.unreadable.add(search.terms.without(printable(path.name)))
    return found.records


def _clean_records(path: Path, search: Search, *, trusted: Path) -> None:
    try:
        record_files.clean(path, search.terms, search.settings.input, trusted=trusted)
    except FileNotFoundError:
        return


def count_snapshot_files(search: Search) -> int:
    """Records of forgotten tweets in files of earlier releases that no recorded snapshot rests on any more."""
    return sum(_count_records(path, search, trusted=path.parent) for path in _loose_snapshots(search))


def erase_snapshot_files(search: Search) -> None:
    """Leave them out. Files of chunks lose theirs by their places, see `snapshot_files.rewrite_erased`."""
    for path in _loose_snapshots(search):
        _clean_records(path, search, trusted=path.parent)


def _loose_snapshots(search: Search) -> list[Path]:
    with search.store.begin() as connection:
        needed = {
            snapshot.uri
            for snapshot in snapshots.every(connection)
            if snapshot.snapshot_id not in search.unproven
            and snapshot_proofs.waits_for_commitments(connection, snapshot.snapshot_id)
        }
    folder = search.settings.snapshots
    return [path for path in _files(folder) if path.parent == folder and path.name not in needed]


def count_exports(search: Search) -> int:
    """Records of forgotten tweets in the files that commands wrote on this machine and that are still there."""
    count = 0
    for export_id, path in _exported(search):
        with _left_where_refused(search, export_id):
            count += _count_records(path, search, trusted=ROOT)
    return count


def erase_exports(search: Search) -> None:
    """Leave them out; a page of HTML is removed whole."""
    for export_id, path in _exported(search):
        with _left_where_refused(search, export_id):
            if path.suffix.lower() == ".html":
                _remove_page(path, search)
            else:
                _clean_records(path, search, trusted=ROOT)
            with search.store.begin() as connection:
                exports.mark_read(connection, export_id)


def _remove_page(path: Path, search: Search) -> None:
    with pinned(path, trusted=ROOT) as page:
        if values.page_speaks(page.content.read_text(errors="replace"), search.terms):
            page.require_current()
            page.entry.unlink()


@contextmanager
def _left_where_refused(search: Search, export_id: int) -> Iterator[None]:
    """Leave a file outside the state folder that somebody exchanged or made a link; the receipt says so."""
    try:
        yield
    except FileNotFoundError:
        return
    except OSError as error:
        search.left[export_id] = f"it cannot be replaced safely: {error.strerror}"


def _exported(search: Search) -> list[tuple[int, Path]]:
    with search.store.begin() as connection:
        return exported_files.to_search(connection, search.settings.home)


def _live(
    folders: Callable[[Search], Iterable[Path]], pattern: str, rewrite: Callable[[Terms], live_files.Rewrite]
) -> tuple[Callable[[Search], int], Callable[[Search], None]]:
    """How lines of files are counted and overwritten that other processes write to."""

    def each(search: Search, *, dry: bool) -> int:
        count = 0
        for folder, path in ((one, path) for one in folders(search) for path in _files(one)):
            if path.match(pattern):
                try:
                    count += live_files.rewrite_lines(
                        path, search.terms, rewrite(search.terms), dry=dry, trusted=folder
                    )
                except FileNotFoundError:  # drained or removed meanwhile
                    continue
        return count

    def erase(search: Search) -> None:
        each(search, dry=False)

    return lambda search: each(search, dry=True), erase


def _below_home(name: str) -> Callable[[Search], Iterable[Path]]:
    return lambda search: (search.settings.home / name,)


def _log_folders(search: Search) -> Iterable[Path]:
    own = search.settings.home / "logs"
    return (own, *(folder for folder in search.task_logs if not folder.is_relative_to(own)))


count_logs, erase_logs = _live(_log_folders, "*", live_files.blank_terms)
count_answers, erase_answers = _live(_below_home("idempotency"), "*.jsonl", live_files.blank_lines)
count_spooled, _blank_spooled = _live(_below_home("spool"), "*.jsonl", lambda terms: _without_lines(terms))


def erase_spooled(search: Search) -> None:
    """Let the API drain its spool, which drops forgotten tweets; overwrite what it has left."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while count_spooled(search) and time.monotonic() < deadline:
        time.sleep(0.2)
    _blank_spooled(search)


def _without_lines(terms: Terms) -> live_files.Rewrite:
    """Leaves lines of forgotten tweets out of a batch of the spool, and fills it up with spaces."""

    def rewrite(batch: bytes) -> bytes:
        if b"\0" in batch:
            return batch
        try:
            lines: list[dict[str, Any]] = json.loads(batch)
        except ValueError:  # half a batch, which was never acknowledged
            return b" " * (len(batch) - 1) + batch[-1:]
        kept = [line for line in lines if not terms.quoted_in(json.dumps(line, ensure_ascii=False))]
        body = json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()
        end = batch[len(batch.rstrip(b"\n")) :]
        return body.ljust(len(batch) - len(end)) + end if len(kept) < len(lines) else batch

    return rewrite


def count_reports(search: Search) -> int:
    """Pages and their JSON files that name a forgotten tweet."""
    return sum(1 for _ in _speaking(search))


def erase_reports(search: Search) -> None:
    """Remove them; the figures of a report are in its row."""
    for path in list(_speaking(search)):
        path.unlink(missing_ok=True)


def _speaking(search: Search) -> Iterator[Path]:
    for path in _files(search.settings.reports):
        content = path.read_text(encoding="utf-8", errors="replace")
        if (
            _report_speaks(content, search.terms)
            if path.suffix == ".json"
            else values.page_speaks(content, search.terms)
        ):
            yield path


def _report_speaks(content: str, terms: Terms) -> bool:
    """Whether a report speaks of a forgotten tweet, where its JSON is not cut off in a value."""
    try:
        report = json.loads(content)
    except (ValueError, RecursionError):
        return terms.quoted_in(content)
    return bool(terms.clean(report) != report)


def count_checkpoints(search: Search) -> int:
    """Unfinished trainings on a snapshot that holds a forgotten tweet, or of which nobody knows the snapshot."""
    return len(_interrupted(search))


def erase_checkpoints(search: Search) -> None:
    """Remove their folders: these trainings start again."""
    for folder in _interrupted(search):
        scratch.remove(folder)


def count_scratch(_search: Search) -> int:
    """Folders of processes that were killed while they trained or checked a package; nobody can say of which tweets."""
    return len(scratch.abandoned())


def erase_scratch(_search: Search) -> None:
    """Remove them."""
    for folder in scratch.abandoned():
        scratch.remove(folder)


def _interrupted(search: Search) -> list[Path]:
    folders = [path for path in sorted(search.settings.checkpoints.glob("*")) if path.is_dir()]
    if not folders:
        return []
    with search.store.begin() as connection:
        touched = set(snapshots.holding(connection, search.request.request_id))
    return [folder for folder in folders if _snapshot_of(folder) in touched | {None}]


def _snapshot_of(folder: Path) -> int | None:
    try:
        return int(json.loads((folder / "snapshot.json").read_text())["snapshot_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
