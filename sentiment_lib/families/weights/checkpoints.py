"""Folders of published checkpoints on this machine."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from sentiment_lib.errors import BadInput, MissingWeights, UnsafeArtefact
from sentiment_lib.families.weights.pinned import PINNED, locate
from sentiment_lib.hashing import hash_file

CONFIG = "config.json"
#: Revision of a checkpoint on the Hugging Face hub by its name, for names without one.
REVISIONS = {"cardiffnlp/twitter-roberta-base-sentiment-latest": "3216a57f2a0d9c45a2e6c20157c20c49fb4bf9c7"}
_COMMIT = re.compile("[0-9a-f]{40}")


def checkpoint_folder(name: str, family: str) -> Path:
    """Folder of a checkpoint: a name of pinned weights, a folder, or NAME@COMMIT on the Hugging Face hub.

    Raises MissingWeights when it is not on this machine, BadInput when it is not a checkpoint or names no revision,
    UnsafeArtefact when a file of the hub's cache is not what that revision contains.
    """
    folder = _resolve(name, family)
    if not (folder / CONFIG).is_file():
        raise BadInput(what=f"checkpoint {name} of {family}", problem=f"it holds no {CONFIG}")
    return folder


def tokenizer_json(folder: Path) -> str:
    """The tokenizer as JSON; converted from the checkpoint's older files when there is no tokenizer.json."""
    path = folder / "tokenizer.json"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    from transformers import AutoTokenizer

    return str(AutoTokenizer.from_pretrained(str(folder), use_fast=True).backend_tokenizer.to_str())


def _resolve(name: str, family: str) -> Path:
    if name in PINNED:
        return locate(name, family)
    if Path(name).is_dir():
        return Path(name)
    repository, _, revision = name.partition("@")
    revision = revision or REVISIONS.get(repository, "")
    if not _COMMIT.fullmatch(revision):
        problem = "it is no folder here, and a name on the Hugging Face hub needs a revision: NAME@COMMIT of 40 digits"
        raise BadInput(what=f"checkpoint {name} of {family}", problem=problem)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        # only what was downloaded before: a training never uses the network
        folder = Path(snapshot_download(repository, revision=revision, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        command = f"hf download {repository} --revision {revision}"
        raise MissingWeights(family=family, command=command) from error
    for path in folder.rglob("*"):
        if path.is_symlink():  # as the cache is made, but on file systems without links
            _check_blob(path)
    return folder


def _check_blob(path: Path) -> None:
    """The hub's cache names a file's content by its hash: SHA-256 for large files, git's for small ones."""
    name = path.resolve().name
    if len(name) == 64:
        actual = hash_file(path)
    else:
        content = path.read_bytes()
        actual = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    if actual != name:
        raise UnsafeArtefact(artefact=str(path), problem="it is not the file of that revision; download it again")
