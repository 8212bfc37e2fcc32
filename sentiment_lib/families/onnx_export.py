"""A trained network as an ONNX graph, in int8 when that changes next to nothing."""

from __future__ import annotations

import io
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from sentiment_lib.families import onnx_model
from sentiment_lib.families.onnx_model import INPUT
from sentiment_lib.families.onnx_quantised import FEWEST, SEEN, quantised, with_ranges
from sentiment_lib.families.onnx_smoothed import smoothed
from sentiment_lib.families.stepping import Tokens, padded

#: int8 is served when it gives this share of the labels of single precision on the later rows.
PARITY = 0.97
#: Texts of one length that go through a graph at once: with more, what they make no longer stays in the fast memory.
TOGETHER = 8


def graph_of(network: nn.Module) -> bytes:
    """The graph in single precision: token ids (n, t) without padding in, logits (n, 3) out.

    There is no mask: texts run by themselves or with others of their length. Masks are where a padded batch would part
    from a single text.
    """
    ids = torch.randint(5, 20, (2, 9), generator=torch.Generator().manual_seed(0))
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.inference_mode():
        # the tracer warns of the library's own shape checks; its graph was compared with torch for every length
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (ids,),
            buffer,  # type: ignore[arg-type]  # the tracing exporter takes a file object
            dynamo=False,
            opset_version=17,
            input_names=[INPUT],
            output_names=["logits"],
            dynamic_axes={INPUT: {0: "texts", 1: "tokens"}},
        )
    body: Any = network.body
    shape = body.config
    return _without_places(_fused(buffer.getvalue(), heads=shape.num_attention_heads, width=shape.hidden_size))


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A graph, texts of one length that may go through it at once, and notes on how close it is to torch."""

    graph: bytes
    together: int
    notes: dict[str, Any]


def export(network: nn.Module, earlier: Tokens, later: Tokens, precision: str) -> Exported:
    """The graph to serve: int8 with ranges seen in the earlier rows, unless it answers the later ones differently."""
    whole = graph_of(network)
    sample = later[-300:] or [[101, 102]]
    with torch.inference_mode():
        truth = np.vstack([network(padded([ids], 0)[0]).numpy() for ids in sample])
    exact = onnx_model.run(onnx_model.session(whole), sample)
    notes = {"onnx_difference": float(f"{np.abs(exact - truth).max():.1e}")}
    if precision == "fp32":
        return Exported(graph=whole, together=TOGETHER, notes=notes | {"precision": "fp32"})
    seen = earlier[-SEEN:]
    if len(seen) >= FEWEST:
        small, together = with_ranges(quantised(smoothed(whole, seen)), seen), TOGETHER
    else:
        small, together = quantised(whole), 1
    answers = onnx_model.run(onnx_model.session(small), sample, together)
    same = float((answers.argmax(axis=1) == truth.argmax(axis=1)).mean())
    notes["int8_same_labels"] = round(same, 4)
    if same < PARITY:
        return Exported(graph=whole, together=TOGETHER, notes=notes | {"precision": "fp32"})
    return Exported(graph=small, together=together, notes=notes | {"precision": "int8"})


def _fused(graph: bytes, *, heads: int, width: int) -> bytes:
    """The graph with attention as one node a layer, as far as ONNX Runtime knows its pattern; anything else stays.

    Sums before a layer norm are not fused with it: that kernel is five times as slow as the two by themselves.
    """
    from onnxruntime.transformers.fusion_options import FusionOptions
    from onnxruntime.transformers.optimizer import optimize_model

    wanted = FusionOptions("bert")
    wanted.enable_embed_layer_norm = wanted.enable_skip_layer_norm = wanted.enable_bias_skip_layer_norm = False
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.onnx"
        path.write_bytes(graph)
        found = optimize_model(
            str(path), "bert", num_heads=heads, hidden_size=width, optimization_options=wanted, opt_level=1
        )
    return bytes(found.model.SerializeToString())


def _without_places(graph: bytes) -> bytes:
    """The graph without notes on where in the source each node came from: they name folders of this machine."""
    import onnx

    model = onnx.load_from_string(graph)
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    return bytes(model.SerializeToString())
