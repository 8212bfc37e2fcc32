"""Which bytes a network starts from: those of its base checkpoint and of its tokenizer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sentiment_lib.families.weights.checkpoints import CONFIG, checkpoint_folder, tokenizer_json
from sentiment_lib.hashing import hash_file

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
            digest.update(f"\n{path.name} {hash_file(path)}".encode())
        return digest.hexdigest()


def found(given: str, family: str) -> Origin:
    """The checkpoint of a folder, of pinned weights, or of a name that was downloaded before.

    MissingWeights when it is not on this machine, BadInput when it is no checkpoint.
    """
    folder = checkpoint_folder(given, family)
    return Origin(folder=folder, tokenizer=tokenizer_json(folder))
