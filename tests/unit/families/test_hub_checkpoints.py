"""A checkpoint of the Hugging Face hub is loaded by its commit, and its files are what that commit contains."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

import pytest

from sentiment_lib.errors import BadInput, MissingWeights, UnsafeArtefact
from sentiment_lib.families.weights.checkpoints import REVISIONS, checkpoint_folder

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONFIG, WEIGHTS = b'{"model_type": "bert"}', b"large file"
LIBRARY = Path(__file__).parents[3] / "sentiment_lib"


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """The hub's cache with one commit of a/b, which `main` names; returns the folder of its blobs."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--a--b"
    snapshot, blobs = repository / "snapshots" / COMMIT, repository / "blobs"
    for folder in (snapshot, blobs, repository / "refs"):
        folder.mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    names = {
        "config.json": hashlib.sha1(b"blob %d\0" % len(CONFIG) + CONFIG).hexdigest(),
        "model.safetensors": hashlib.sha256(WEIGHTS).hexdigest(),
    }
    for name, content in (("config.json", CONFIG), ("model.safetensors", WEIGHTS)):
        (blobs / names[name]).write_bytes(content)
        (snapshot / name).symlink_to(blobs / names[name])
    return snapshot


def test_a_commit_is_found_and_a_name_alone_is_refused(cached):
    assert checkpoint_folder(f"a/b@{COMMIT}", "bert") == cached
    for name in ("a/b", "a/b@main", f"a/b@{COMMIT[:8]}"):
        with pytest.raises(BadInput, match="needs a revision: NAME@COMMIT"):
            checkpoint_folder(name, "bert")
    with pytest.raises(MissingWeights, match=f"hf download a/b --revision {'0' * 40}"):
        checkpoint_folder(f"a/b@{'0' * 40}", "bert")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_that_was_changed_in_the_cache_is_refused(cached, name):
    with (cached / name).resolve().open("ab") as file:
        file.write(b" ")
    with pytest.raises(UnsafeArtefact, match=name):
        checkpoint_folder(f"a/b@{COMMIT}", "bert")


def test_known_names_have_a_whole_commit():
    assert all(len(commit) == 40 and int(commit, 16) for commit in REVISIONS.values())


def test_every_load_names_a_checked_folder_or_a_revision():
    loads = []
    for path in sorted(LIBRARY.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in ("from_pretrained", "snapshot_download", "hf_hub_download", "load_dataset", "pipeline"):
                loads.append(path.name)
                folder = ast.unparse(node.args[0]) == "str(folder)"
                assert folder or "revision" in {keyword.arg for keyword in node.keywords}, f"{path}:{node.lineno}"
    assert {"networks.py", "checkpoints.py", "sentence_encoder.py"} <= set(loads)
