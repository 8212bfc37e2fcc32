"""The base checkpoint that a network starts from, with its digest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sentiment_lib.families.weights.checkpoints import CONFIG, checkpoint_folder, tokenizer_json
from sentiment_lib.hashing import hash_file

#: File patterns of a checkpoint's weights; only the first that matches is used.
PATTERNS = ("*.safetensors", "*.bin")


@dataclass(frozen=True, kw_only=True)
class BaseCheckpoint:
    """A checkpoint on this machine, and its tokenizer as JSON."""

    folder: Path
    tokenizer: str

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 over the tokenizer, the configuration and the weight files."""
        weights = next((files for pattern in PATTERNS if (files := sorted(self.folder.glob(pattern)))), [])
        digest = hashlib.sha256(self.tokenizer.encode())
        for path in (self.folder / CONFIG, *weights):
            digest.update(f"\n{path.name} {hash_file(path)}".encode())
        return digest.hexdigest()


def open_checkpoint(name: str, family: str) -> BaseCheckpoint:
    """The checkpoint of a folder, of pinned weights, or of a name that was downloaded before.

    Raises MissingWeights when it is not on this machine, BadInput when it is not a checkpoint.
    """
    folder = checkpoint_folder(name, family)
    return BaseCheckpoint(folder=folder, tokenizer=tokenizer_json(folder))
