"""Which bytes a network starts from: those of its base checkpoint and of its tokenizer."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sentiment_lib.checksum import sha256_of

CONFIG = "config.json"
#: Where a checkpoint's weights can lie; only files of the first kind that there is are read.
KINDS = ("*.safetensors", "*.bin")


def base_digest(folder: Path, tokenizer: str) -> str:
    """Hex SHA-256 of a checkpoint: the digests of its configuration and its weights, and the tokenizer's JSON."""
    weights = next((found for kind in KINDS if (found := sorted(folder.glob(kind)))), [])
    digest = hashlib.sha256(tokenizer.encode())
    for path in (folder / CONFIG, *weights):
        digest.update(f"\n{path.name} {sha256_of(path)}".encode())
    return digest.hexdigest()
