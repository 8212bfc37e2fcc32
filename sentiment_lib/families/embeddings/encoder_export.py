"""A frozen encoder as an ONNX graph, in int8 when its vectors point where those in single precision do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from sentiment_lib.families.embeddings.sentence_encoder import vectors
from sentiment_lib.families.onnx import runtime
from sentiment_lib.families.onnx.export import TOGETHER, graph_of
from sentiment_lib.families.onnx.quantisation import FEWEST, SEEN, quantised, with_ranges
from sentiment_lib.families.onnx.smooth_quant import smoothed
from sentiment_lib.families.transformers import networks

#: Mean cosine between a text's vectors in int8 and in single precision, from which on int8 is served.
PARITY = 0.99
#: Later texts that parity is measured on, at most.
SAMPLE = 300


class UnitMean(nn.Module):
    """Mean of a body's token vectors, of unit length."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.body: Any = networks.build("mean", folder, attention="eager").body

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Unit vectors (n, d) of token ids (n, t), none of which is padding."""
        states = self.body(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        return nn.functional.normalize(states.mean(dim=1), dim=1)


def export(folder: Path, tokens: Sequence[Sequence[int]], cut: int, precision: str) -> tuple[bytes, dict[str, Any]]:
    """The graph of the checkpoint in this folder, and notes on it.

    int8 takes its ranges from the texts before `cut`, and is compared with single precision on those after it.
    """
    whole = graph_of(UnitMean(folder))
    notes = {"precision": "fp32", "together": TOGETHER}
    seen, sample = tokens[:cut][-SEEN:], tokens[cut:][-SAMPLE:]
    if precision == "fp32" or len(seen) < FEWEST or not sample:
        return whole, notes
    small = with_ranges(quantised(smoothed(whole, seen)), seen)
    exact, rounded = (vectors(runtime.session(graph), sample, TOGETHER) for graph in (whole, small))
    cosine = float(np.mean((exact * rounded).sum(axis=1)))
    notes["int8_cosine"] = round(cosine, 4)
    return (small, notes | {"precision": "int8"}) if cosine >= PARITY else (whole, notes)
