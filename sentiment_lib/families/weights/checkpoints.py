"""Where a published checkpoint lies on this machine."""

from __future__ import annotations

from pathlib import Path

from sentiment_lib.errors import BadInput, MissingWeights
from sentiment_lib.families.weights.pinned import PINNED, locate

CONFIG = "config.json"


def checkpoint_folder(given: str, family: str) -> Path:
    """Folder of a checkpoint: pinned weights by their name, a folder, or a name of the Hugging Face hub.

    MissingWeights when it is not on this machine, BadInput when it is no checkpoint.
    """
    folder = _found(given, family)
    if not (folder / CONFIG).is_file():
        raise BadInput(what=f"checkpoint {given} of {family}", problem=f"it holds no {CONFIG}")
    return folder


def tokenizer_json(folder: Path) -> str:
    """The tokenizer as JSON; made from the checkpoint's older files when there is no tokenizer.json."""
    path = folder / "tokenizer.json"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    from transformers import AutoTokenizer

    return str(AutoTokenizer.from_pretrained(str(folder), use_fast=True).backend_tokenizer.to_str())


def _found(given: str, family: str) -> Path:
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
