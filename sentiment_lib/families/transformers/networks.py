"""Networks for fine-tuning: a body with a new classification head, or a checkpoint with its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, logging

from sentiment_lib.errors import BadInput
from sentiment_lib.families.transformers.dropout import replace_dropout
from sentiment_lib.records import LABELS

#: Index into LABELS by the names that published checkpoints use, in lower case.
_NAMES = {str(label): index for index, label in enumerate(LABELS)} | {"label_0": 0, "label_1": 1, "label_2": 2}


class MeanHead(nn.Module):
    """A body, mean pooling of its token vectors, dropout, and a linear layer."""

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
        weight = mask.unsqueeze(-1).to(states.dtype)
        mean = (states * weight).sum(dim=1) / weight.sum(dim=1)
        logits: torch.Tensor = self.head(self.dropout(mean))
        return logits


class OwnHead(nn.Module):
    """A published checkpoint for sequence classification; its outputs are reordered to LABELS."""

    def __init__(self, folder: Path, *, attention: str | None, dropout: float) -> None:  # noqa: ARG002
        super().__init__()
        self.body: Any = AutoModelForSequenceClassification.from_pretrained(str(folder), attn_implementation=attention)
        self.order = label_order(self.body.config.id2label, folder)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Logits (n, 3) of token ids (n, t)."""
        mask = torch.ones_like(ids) if mask is None else mask
        logits: torch.Tensor = self.body(input_ids=ids, attention_mask=mask).logits
        return logits[:, self.order]


def build(head: str, folder: Path, *, attention: str | None = None, dropout: float = 0.1) -> nn.Module:
    """The network with a "mean" (new) or its "own" head, in single precision.

    `attention` is an implementation of transformers; without it the network's fastest one. BadInput when the labels of
    a checkpoint with its own head are not LABELS.
    """
    level = logging.get_verbosity()
    # it would warn that the new head's weights are missing
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        network = (MeanHead if head == "mean" else OwnHead)(folder, attention=attention, dropout=dropout)
    finally:
        logging.set_verbosity(level)
    replace_dropout(network)
    embeddings = getattr(network.body.base_model, "embeddings", None)
    if embeddings is not None:
        embeddings.register_forward_hook(_cast_embeddings)
    return network.float()


def freeze_embeddings(network: nn.Module) -> None:
    """Freeze the token embeddings: half of a small BERT's parameters, of which few tweets show each."""
    body = getattr(network, "body")  # noqa: B009 - nn.Module types attributes as Tensor | Module
    body.get_input_embeddings().weight.requires_grad_(False)


def label_order(names: dict[int, str], folder: Path) -> list[int]:
    """The checkpoint's output column for each of LABELS; BadInput when it has other labels."""
    columns = {_NAMES[name.lower()]: int(column) for column, name in names.items() if name.lower() in _NAMES}
    if len(names) != len(LABELS) or sorted(columns) != [0, 1, 2]:
        raise BadInput(what=f"checkpoint {folder}", problem=f"its labels are {sorted(names.values())}")
    return [columns[label] for label in range(len(LABELS))]


def _cast_embeddings(_: nn.Module, __: Any, states: torch.Tensor) -> torch.Tensor:
    """Cast embeddings to the autocast dtype once; otherwise every layer recasts them."""
    kind = states.device.type
    return states.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else states


def _body_options(folder: Path) -> dict[str, Any]:
    kinds: Sequence[str] = ("bert", "roberta", "xlm-roberta", "mpnet")
    return {"add_pooling_layer": False} if AutoConfig.from_pretrained(str(folder)).model_type in kinds else {}
