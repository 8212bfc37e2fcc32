"""The networks that are fine-tuned: a BERT body with a new head, or a checkpoint that brings its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, logging

from sentiment_lib.errors import BadInput
from sentiment_lib.families.transformers.dropout import use_bytes
from sentiment_lib.records import LABELS

#: Names that published checkpoints give to the labels, in lower case.
_NAMES = {str(label): place for place, label in enumerate(LABELS)} | {"label_0": 0, "label_1": 1, "label_2": 2}


class MeanHead(nn.Module):
    """A body, the mean of its token vectors, dropout, and one linear layer."""

    def __init__(self, folder: Path, *, attention: str | None, dropout: float) -> None:
        super().__init__()
        self.body: Any = AutoModel.from_pretrained(str(folder), attn_implementation=attention, **_body_options(folder))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.body.config.hidden_size, len(LABELS))
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Logits (n, 3) of token ids (n, t); mask (n, t) is 1 where there is a token, or None when all are."""
        mask = torch.ones_like(ids) if mask is None else mask
        states = self.body(input_ids=ids, attention_mask=mask).last_hidden_state
        wide = mask.unsqueeze(-1).to(states.dtype)
        mean = (states * wide).sum(dim=1) / wide.sum(dim=1)
        logits: torch.Tensor = self.head(self.dropout(mean))
        return logits


class OwnHead(nn.Module):
    """A checkpoint for classification as it was published; its columns are put in the order of LABELS."""

    def __init__(self, folder: Path, *, attention: str | None, dropout: float) -> None:  # noqa: ARG002
        super().__init__()
        self.body: Any = AutoModelForSequenceClassification.from_pretrained(str(folder), attn_implementation=attention)
        self.order = label_order(self.body.config.id2label, folder)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Logits (n, 3) of token ids (n, t)."""
        mask = torch.ones_like(ids) if mask is None else mask
        logits: torch.Tensor = self.body(input_ids=ids, attention_mask=mask).logits
        return logits[:, self.order]


def build(kind: str, folder: Path, *, attention: str | None = None, dropout: float = 0.1) -> nn.Module:
    """The network of kind "mean" (new head) or "own" (the checkpoint's), in single precision.

    Without `attention` it is the fastest way that this network has.
    """
    level = logging.get_verbosity()
    # the report of a new head's missing weights is no news here
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        network = (MeanHead if kind == "mean" else OwnHead)(folder, attention=attention, dropout=dropout)
    finally:
        logging.set_verbosity(level)
    use_bytes(network)
    words = getattr(network.body.base_model, "embeddings", None)
    if words is not None:
        words.register_forward_hook(_in_precision)
    return network.float()


def freeze_words(network: nn.Module) -> None:
    """Keep the word vectors as they are: half of the parameters of a small BERT, and few tweets show each word."""
    body = getattr(network, "body")  # noqa: B009 - nn.Module types attributes as Tensor | Module
    body.get_input_embeddings().weight.requires_grad_(False)


def label_order(names: dict[int, str], folder: Path) -> list[int]:
    """Column of the checkpoint for each of LABELS; BadInput when its labels are others."""
    place = {_NAMES[name.lower()]: int(column) for column, name in names.items() if name.lower() in _NAMES}
    if len(names) != len(LABELS) or sorted(place) != [0, 1, 2]:
        raise BadInput(what=f"checkpoint {folder}", problem=f"its labels are {sorted(names.values())}")
    return [place[label] for label in range(len(LABELS))]


def _in_precision(_: nn.Module, __: Any, states: torch.Tensor) -> torch.Tensor:
    """What the words begin as, in autocast's precision: else every layer turns it to and fro again."""
    kind = states.device.type
    return states.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else states


def _body_options(folder: Path) -> dict[str, Any]:
    kinds: Sequence[str] = ("bert", "roberta", "xlm-roberta", "mpnet")
    return {"add_pooling_layer": False} if AutoConfig.from_pretrained(str(folder)).model_type in kinds else {}
