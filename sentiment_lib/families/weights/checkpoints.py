"""Folders of published checkpoints on this machine."""

from __future__ import annotations

from pathlib import Path

from sentiment_lib.errors import BadInput, MissingWeights
from sentiment_lib.families.weights.pinned import PINNED, locate

CONFIG = "config.json"


def checkpoint_folder(name: str, family: str) -> Path:
    """Folder of a checkpoint: a name of pinned weights, a folder, or a name on the Hugging Face hub.

    Raises MissingWeights when it is not on this machine, BadInput when it is not a checkpoint.
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
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        # only what was downloaded before: a training never uses the network
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise MissingWeights(family=family, command=f"hf download {name}") from error
