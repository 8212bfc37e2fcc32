"""A package that was tampered with is refused before it is loaded, and the error names what was done."""

from __future__ import annotations

import hashlib
import json
import pickle

import pytest

from sentiment_lib.errors import UnsafeArtefact
from sentiment_lib.families import catalog
from sentiment_lib.registry import package


@pytest.fixture
def packed(tmp_path):
    folder = tmp_path / "package"
    return folder, package.write(catalog.train("vader", [], [], seed=0), folder)


def rewritten(folder, change):
    """The manifest changed by an attacker who can also choose the digest."""
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    data = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def test_an_untouched_package_is_read(packed):
    assert package.read(*packed).family == "vader"


def test_a_changed_byte(packed):
    folder, digest = packed
    content = (folder / "lexicon.json").read_bytes()
    (folder / "lexicon.json").write_bytes(content.replace(b"4.0", b"4.1", 1))
    with pytest.raises(UnsafeArtefact, match=r"lexicon.json was changed"):
        package.verify(folder, digest)


def test_a_changed_manifest(packed):
    folder, digest = packed
    rewritten(folder, lambda manifest: manifest.update(normaliser="0"))
    with pytest.raises(UnsafeArtefact, match="not the one that was approved"):
        package.verify(folder, digest)


def test_a_missing_file(packed):
    folder, digest = packed
    (folder / "lexicon.json").unlink()
    with pytest.raises(UnsafeArtefact, match="is missing"):
        package.verify(folder, digest)


def test_a_file_more(packed):
    folder, digest = packed
    (folder / "extra.json").write_text("{}")
    with pytest.raises(UnsafeArtefact, match="extra\\.json is not in its manifest"):
        package.verify(folder, digest)


def test_a_link_out_of_the_package(packed, tmp_path):
    folder, digest = packed
    (tmp_path / "outside.json").write_bytes((folder / "lexicon.json").read_bytes())
    (folder / "lexicon.json").unlink()
    (folder / "lexicon.json").symlink_to(tmp_path / "outside.json")
    with pytest.raises(UnsafeArtefact, match="not a plain file"):
        package.verify(folder, digest)


def test_a_name_that_leads_out(packed):
    folder, _ = packed
    digest = rewritten(folder, lambda m: m["files"].update({"../up.json": {"sha256": "0", "bytes": 1}}))
    with pytest.raises(UnsafeArtefact, match="leads out of it"):
        package.verify(folder, digest)


@pytest.mark.parametrize("name", ["model.pkl", "model.py", "model.joblib"])
def test_a_kind_of_file_that_can_run(packed, name):
    folder, _ = packed
    digest = rewritten(folder, lambda m: m["files"].update({name: {"sha256": "0", "bytes": 1}}))
    with pytest.raises(UnsafeArtefact, match="no model consists of"):
        package.verify(folder, digest)


def test_a_pickle_under_an_innocent_name(packed):
    folder, _ = packed
    data = pickle.dumps({"a": 1})
    (folder / "weights.bin").write_bytes(data)
    entry = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    digest = rewritten(folder, lambda m: m["files"].update({"weights.bin": entry}))
    with pytest.raises(UnsafeArtefact, match="is a pickle"):
        package.verify(folder, digest)


def test_a_file_larger_than_promised(packed):
    folder, digest = packed
    with (folder / "lexicon.json").open("ab") as file:
        file.write(b" " * 1000)
    with pytest.raises(UnsafeArtefact, match="not as promised"):
        package.verify(folder, digest)
