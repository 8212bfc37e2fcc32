"""Export of a frozen encoder to ONNX, in int8 where its vectors stay close to single precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from sentiment_lib.families.base import Tokens
from sentiment_lib.families.onnx import runtime
from sentiment_lib.families.onnx.export import BATCH, export_graph
from sentiment_lib.families.onnx.quantisation import MAX_ROWS, MIN_ROWS, quantise, set_static_ranges
from sentiment_lib.families.onnx.smooth_quant import smooth
from sentiment_lib.families.transformers import networks

#: Least mean cosine between a text's vectors in int8 and in single precision for int8 to be served.
MIN_COSINE = 0.99
#: Most held-out texts that the cosine is measured on.
MAX_SAMPLE = 300


class MeanPooling(nn.Module):
    """Mean of a body's token vectors, scaled to unit length."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.body: Any = networks.build("mean", folder, attention="eager").body

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Unit vectors (n, d) of token ids (n, t) without padding."""
        states = self.body(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        return nn.functional.normalize(states.mean(dim=1), dim=1)


def export(folder: Path, tokens: Tokens, split: int, precision: str) -> tuple[bytes, dict[str, Any]]:
    """The ONNX graph of the checkpoint in this folder, and notes on it.

    int8 is calibrated on the texts before `split` and compared with single precision on those after it.
    """
    graph = export_graph(MeanPooling(folder))
    notes = {"precision": "fp32", "together": BATCH}
    calibration, sample = tokens[:split][-MAX_ROWS:], tokens[split:][-MAX_SAMPLE:]
    if precision == "fp32" or len(calibration) < MIN_ROWS or not sample:
        return graph, notes
    quantised = set_static_ranges(quantise(smooth(graph, calibration)), calibration)
    exact, rounded = (runtime.vectors(runtime.session(file), sample, BATCH) for file in (graph, quantised))
    cosine = float(np.mean((exact * rounded).sum(axis=1)))
    notes["int8_cosine"] = round(cosine, 4)
    return (quantised, notes | {"precision": "int8"}) if cosine >= MIN_COSINE else (graph, notes)
