"""Whoever owns a folder may exchange what is in it while a file is cleaned: no other file is read or changed."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from sentiment_lib import files
from sentiment_lib.erasure import live_files, record_files
from sentiment_lib.erasure.terms import Terms
from sentiment_lib.steps.erasure import exported_files, forget, receipt, request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.storage import exports, grants

DATABASE_ROLE = grants.APP
MINE = 1_200_000_000_000_000_001
TERMS = Terms(ids=frozenset({MINE}))
CONTENT = f"{MINE},mine\n2,else\n"


@pytest.fixture
def place(tmp_path_factory):
    """Outside the state folder: a file in a folder that anybody may exchange, and another of the same name."""
    top = tmp_path_factory.mktemp("outside")
    theirs, precious = top / "theirs", top / "precious"
    for folder in (theirs, precious):
        folder.mkdir()
        (folder / "a.csv").write_text(CONTENT)
    return SimpleNamespace(path=theirs / "a.csv", precious=precious / "a.csv", top=top)


def exchange_folder(place):
    place.path.parent.rename(place.top / "moved")
    place.path.parent.symlink_to(place.precious.parent)


def exchange_file(place):
    place.path.unlink()
    place.path.symlink_to(place.precious)


def put_another(place):
    place.path.unlink()
    place.path.write_text("another\n")


def after_the_search(monkeypatch, exchange, place):
    """Do it between the first look at the file and its replacement."""
    really, done = record_files._search, []

    def search(*given):
        found = really(*given)
        if not done:
            done.append(exchange(place))
        return found

    monkeypatch.setattr(record_files, "_search", search)


@pytest.mark.parametrize("exchange", [exchange_folder, exchange_file, put_another])
@pytest.mark.parametrize("content", [CONTENT, f"PAR1 {MINE}"])
def test_what_is_exchanged_after_the_search_stays_as_it_is(place, monkeypatch, exchange, content):
    place.path.write_text(content)
    after_the_search(monkeypatch, exchange, place)
    if exchange is exchange_folder:
        record_files.clean(place.path, TERMS, trusted=place.top)  # the folder that was opened
        moved = place.top / "moved" / "a.csv"
        assert (moved.read_text() if moved.exists() else "") == ("2,else\n" if content == CONTENT else "")
    else:
        with pytest.raises(OSError, match="it was exchanged while it was read"):
            record_files.clean(place.path, TERMS, trusted=place.top)
    assert place.precious.read_text() == CONTENT
    assert [path.name for path in place.top.rglob(".*")] == [], "no draft is left"


@pytest.mark.parametrize("exchange", [exchange_folder, exchange_file])
def test_no_link_is_followed_below_a_folder_that_is_trusted(place, exchange):
    exchange(place)
    for clean in (
        lambda: record_files.clean(place.path, TERMS, trusted=place.top),
        lambda: live_files.rewrite_lines(
            place.path, TERMS, live_files.blank_terms(TERMS), dry=False, trusted=place.top
        ),
    ):
        with pytest.raises(OSError, match=r"symbolic link|Not a directory"):
            clean()
    assert place.precious.read_text() == CONTENT


def test_a_draft_is_written_to_no_link_and_to_no_folder_of_somebody_else(place):
    draft = place.path.with_name(".a.csv.draft")
    draft.symlink_to(place.precious.parent)
    with pytest.raises(OSError, match=r"symbolic link|Not a directory"):
        record_files.clean(place.path, TERMS)
    draft.unlink()
    draft.mkdir()
    draft.chmod(0o777)
    with pytest.raises(OSError, match="somebody else may write to it"):
        record_files.clean(place.path, TERMS)
    assert record_files.clean(place.path, TERMS).records == 1
    assert place.path.read_text() == "2,else\n"


def test_a_cleaned_file_keeps_its_mode_and_times_and_a_pipe_is_no_file(place):
    place.path.chmod(0o640)
    os.utime(place.path, (1_700_000_000, 1_700_000_000))
    record_files.clean(place.path, TERMS)
    status = place.path.stat()
    assert (status.st_mode & 0o777, status.st_mtime) == (0o640, 1_700_000_000)
    os.mkfifo(place.top / "pipe")
    with pytest.raises(OSError, match="it is no regular file"), files.pinned(place.top / "pipe"):
        raise AssertionError


def test_the_receipt_says_which_export_was_left_since_it_was_exchanged(store, settings, place, monkeypatch):
    with store.begin() as connection:
        exports.record(connection, exports.on_this_machine("labels", place.path))
    number = request_erasure.run(store, settings, ErasureOrder(tweet_ids=[MINE], requested_by="desk"))
    really = exported_files.to_search

    def to_search(*given):
        found = really(*given)
        if found and not place.path.is_symlink():
            exchange_file(place)
        return found

    monkeypatch.setattr(exported_files, "to_search", to_search)
    assert forget.run(store, settings, models=False).done == (number,)
    assert place.precious.read_text() == CONTENT
    with store.begin() as connection:
        (left,) = receipt.of_request(connection, number)["ledger"][1]["exports_left"]
    assert left["why"] == "it cannot be replaced safely: Too many levels of symbolic links"
