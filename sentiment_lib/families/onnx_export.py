"""A trained network as an ONNX graph, in int8 when that changes next to nothing."""

from __future__ import annotations

import io
import logging
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from sentiment_lib.families import onnx_model
from sentiment_lib.families.onnx_model import INPUT
from sentiment_lib.families.stepping import padded

#: int8 is served when it gives this share of the labels of single precision on the later rows.
PARITY = 0.97


def export(network: nn.Module) -> bytes:
    """The graph in single precision: token ids (n, t) without padding in, logits (n, 3) out.

    There is no mask: texts run one by one or with others of the same length. Masks are where a padded batch would
    part from a single text.
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


def quantised(graph: bytes) -> bytes:
    """Weights in int8 with a scale for each column; activations are scaled as they come (dynamic quantisation)."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        whole, small = Path(folder) / "whole.onnx", Path(folder) / "small.onnx"
        whole.write_bytes(graph)
        level = logging.getLogger().level
        # it recommends a pre-processing that finds nothing to do in this graph
        logging.getLogger().setLevel(logging.ERROR)
        try:
            quantize_dynamic(
                whole,
                small,
                weight_type=QuantType.QInt8,
                per_channel=True,
                # what comes out of a fused node has no type of its own in the graph
                extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
            )
        finally:
            logging.getLogger().setLevel(level)
        return small.read_bytes()


def graph_and_parity(network: nn.Module, later: list[list[int]], precision: str) -> tuple[bytes, dict[str, Any]]:
    """The graph to serve and how close it is to torch; single precision when int8 answers differently too often."""
    whole = export(network)
    sample = later[-300:] or [[101, 102]]
    with torch.inference_mode():
        truth = np.vstack([network(padded([ids], 0)[0]).numpy() for ids in sample])
    exact = onnx_model.run(onnx_model.session(whole), sample)
    notes = {"onnx_difference": float(f"{np.abs(exact - truth).max():.1e}")}
    if precision == "fp32":
        return whole, notes | {"precision": "fp32"}
    small = quantised(whole)
    answers = onnx_model.run(onnx_model.session(small), sample)
    same = float((answers.argmax(axis=1) == truth.argmax(axis=1)).mean())
    notes["int8_same_labels"] = round(same, 4)
    return (small, notes | {"precision": "int8"}) if same >= PARITY else (whole, notes | {"precision": "fp32"})


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
