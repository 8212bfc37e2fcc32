"""Which bytes a network starts from: those of its base checkpoint and of its tokenizer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sentiment_lib.checksum import sha256_of
from sentiment_lib.errors import BadInput, MissingWeights
from sentiment_lib.families.weights import PINNED, locate

CONFIG = "config.json"
#: Where a checkpoint's weights can lie; only files of the first kind that there is are read.
KINDS = ("*.safetensors", "*.bin")


@dataclass(frozen=True, kw_only=True)
class Origin:
    """A base checkpoint on this machine, and its tokenizer as JSON."""

    folder: Path
    tokenizer: str

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 over the tokenizer and over the SHA-256 of the configuration and of each file of weights."""
        weights = next((files for kind in KINDS if (files := sorted(self.folder.glob(kind)))), [])
        digest = hashlib.sha256(self.tokenizer.encode())
        for path in (self.folder / CONFIG, *weights):
            digest.update(f"\n{path.name} {sha256_of(path)}".encode())
        return digest.hexdigest()


def found(given: str, family: str) -> Origin:
    """The checkpoint of a folder, of pinned weights, or of a name that was downloaded before.

    MissingWeights when it is not on this machine, BadInput when it is no checkpoint.
    """
    folder = _folder(given, family)
    if not (folder / CONFIG).is_file():
        raise BadInput(what=f"checkpoint {given} of {family}", problem=f"it holds no {CONFIG}")
    return Origin(folder=folder, tokenizer=_tokenizer_json(folder))


def _folder(given: str, family: str) -> Path:
    if given in PINNED:
        return locate(given, family)
    if Path(given).is_dir():
        return Path(given)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        # only what was downloaded before: training does not reach for the network
        return Path(snapshot_download(given, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise MissingWeights(family=family, command=f"hf download {given}") from error


def _tokenizer_json(folder: Path) -> str:
    """The tokenizer as JSON; made from the checkpoint's older files when there is no tokenizer.json."""
    path = folder / "tokenizer.json"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    from transformers import AutoTokenizer

    return str(AutoTokenizer.from_pretrained(str(folder), use_fast=True).backend_tokenizer.to_str())
