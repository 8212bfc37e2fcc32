"""Atomic writes: the old file or the new one, on disk, with the permissions asked for."""

from __future__ import annotations

import json
import os
import stat
import threading

import pytest

from sentiment_lib.files import replace_atomically, write_atomically


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\x00\xff", b"\x00\xff"),
        ("✈ late", "✈ late".encode()),
        ({"version": 3}, b'{"version": 3}'),
        ([1, 2], b"[1, 2]"),
    ],
)
def test_bytes_text_and_json_are_written_and_the_folder_is_made(tmp_path, content, expected):
    path = tmp_path / "new" / "file"
    write_atomically(path, content)
    assert path.read_bytes() == expected
    assert list(path.parent.iterdir()) == [path]


def test_a_writer_that_fails_leaves_the_old_file_and_no_draft(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, "old")
    with pytest.raises(TypeError):
        write_atomically(path, {"not JSON": object()})

    def write_half():
        with replace_atomically(path) as draft:
            draft.write_text("half")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_private_file_is_private_from_its_first_byte(tmp_path, monkeypatch):
    path, modes = tmp_path / "secret", []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda one, two: (modes.append(one.stat().st_mode), replace(one, two)))
    write_atomically(path, "s3cret", mode=0o600)
    write_atomically(path, "s3cret2", mode=0o600)
    assert [stat.S_IMODE(mode) for mode in (*modes, path.stat().st_mode)] == [0o600] * 3
    assert path.read_text() == "s3cret2"


def test_the_file_is_synced_before_the_rename_and_its_folder_after_it(tmp_path, monkeypatch):
    path, calls = tmp_path / "file", []
    sync, replace = os.fsync, os.replace

    def logged_sync(descriptor):
        calls.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", logged_sync)
    monkeypatch.setattr(os, "replace", lambda one, two: (calls.append("rename"), replace(one, two)))
    write_atomically(path, "content")
    assert calls == ["file", "rename", "folder"]


def test_drafts_may_lie_in_a_folder_of_their_own(tmp_path):
    path = tmp_path / "file"
    with replace_atomically(path, drafts=tmp_path / "drafts") as draft:
        assert draft.parent == tmp_path / "drafts"
        draft.write_text("content")
    assert path.read_text() == "content"
    assert list((tmp_path / "drafts").iterdir()) == []


def test_threads_that_write_one_file_never_mix(tmp_path):
    path, failures = tmp_path / "file", []
    write_atomically(path, {"by": 0, "again": [0] * 1000})

    def write(number):
        for _ in range(20):
            write_atomically(path, {"by": number, "again": [number] * 1000})
            content = json.loads(path.read_text())
            if set(content["again"]) != {content["by"]}:
                failures.append(content)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert list(tmp_path.iterdir()) == [path]
