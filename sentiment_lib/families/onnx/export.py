"""Export of a trained network to ONNX, in int8 where its predictions on held-out tweets stay the same."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sentiment_lib.errors import TrainingRefused
from sentiment_lib.families.base import Tokens
from sentiment_lib.families.onnx import parity, runtime
from sentiment_lib.families.onnx.quantisation import MAX_ROWS, MIN_ROWS, quantise, set_static_ranges
from sentiment_lib.families.onnx.runtime import INPUT
from sentiment_lib.families.onnx.smooth_quant import smooth
from sentiment_lib.records import LABELS
from sentiment_lib.scratch import scratch_folder

#: Largest difference between a logit of the single-precision graph and of the network, as a share of the largest logit
#: (or of one): rounding causes 1e-6 to 1e-4, a wrongly exported node more.
MAX_DIFFERENCE = 1e-3
#: Texts of equal length in a batch; with more, activations no longer fit into the CPU's cache.
BATCH = 8


def export_graph(network: nn.Module) -> bytes:
    """The graph in single precision, from token ids (n, t) without padding to the network's output.

    It has no attention mask, since texts are batched by equal length: padding would change results slightly.
    """
    ids = torch.randint(5, 20, (2, 9), generator=torch.Generator().manual_seed(0))
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.inference_mode():
        # the tracer warns about shape checks in transformers; graphs were compared with torch for every length
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
    config = body.config
    fused = _fuse_attention(buffer.getvalue(), heads=config.num_attention_heads, width=config.hidden_size)
    return _strip_source_locations(fused)


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A graph, how many texts of equal length may share a batch, and notes on its fidelity."""

    graph: bytes
    together: int
    notes: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Token ids to calibrate a graph on (`earlier`) and to compare it on (`later`, with labels `truth` (n,)).

    `examples` replace missing rows: enough to check that the graph computes what the network does, but not to judge
    int8.
    """

    earlier: Tokens
    later: Tokens
    truth: NDArray[np.int64]
    examples: Tokens


def export(family: str, network: nn.Module, sample: Sample, precision: str, report: Callable[[str], None]) -> Exported:
    """The graph to serve: int8 where parity on the held-out rows holds, else single precision.

    Raises TrainingRefused when the single-precision graph differs from the network. `report` is told each step, and may
    raise to cancel.
    """
    report("making the graph")
    graph = export_graph(network)
    report("comparing the graph with the network")
    calibration, held_out = sample.earlier[-MAX_ROWS:], sample.later[-parity.MAX_ROWS :]
    compared = held_out or calibration or sample.examples
    scores = _logits(network, compared)
    difference = np.abs(runtime.run(runtime.session(graph), compared, BATCH) - scores).max()
    if not difference <= MAX_DIFFERENCE * max(1.0, np.abs(scores).max()):
        problem = f"its ONNX graph is off by {difference:.1e} in a logit, so it is not the network that was trained"
        raise TrainingRefused(family=family, problem=problem)
    notes: dict[str, Any] = {"onnx_difference": float(f"{difference:.1e}"), "precision": "fp32"}
    if precision == "fp32":
        return Exported(graph=graph, together=BATCH, notes=notes)
    if not held_out:
        # parity of int8 is unknown without held-out tweets
        return Exported(graph=graph, together=BATCH, notes=notes | {"int8_rows": 0, "int8_same_labels": None})
    report("making the int8 graph")
    if len(calibration) >= MIN_ROWS:
        quantised, together = set_static_ranges(quantise(smooth(graph, calibration)), calibration), BATCH
    else:
        quantised, together = quantise(graph), 1
    report("comparing the int8 graph with the network")
    quantised_scores = runtime.run(runtime.session(quantised), held_out, together)
    comparison = parity.compare(scores, quantised_scores, sample.truth[-len(held_out) :])
    notes |= comparison.notes
    if not comparison.holds:
        return Exported(graph=graph, together=BATCH, notes=notes)
    return Exported(graph=quantised, together=together, notes=notes | {"precision": "int8"})


def _logits(network: nn.Module, tokens: Tokens) -> NDArray[np.float64]:
    """The network's logits (n, 3) in single precision, in batches of texts of equal length."""
    scores = np.empty((len(tokens), len(LABELS)))
    with torch.inference_mode():
        for rows in runtime.batches(tokens, 64):
            scores[rows] = network.eval()(torch.tensor([list(tokens[row]) for row in rows])).numpy()
    return scores


def _fuse_attention(graph: bytes, *, heads: int, width: int) -> bytes:
    """The graph with one attention node per layer, where ONNX Runtime recognises the pattern.

    A skip connection is not fused with its layer norm: that kernel is five times as slow as the two separately.
    """
    from onnxruntime.transformers.fusion_options import FusionOptions
    from onnxruntime.transformers.optimizer import optimize_model

    fusion = FusionOptions("bert")
    fusion.enable_embed_layer_norm = fusion.enable_skip_layer_norm = fusion.enable_bias_skip_layer_norm = False
    with scratch_folder() as folder:
        path = folder / "graph.onnx"
        path.write_bytes(graph)
        optimised = optimize_model(
            str(path), "bert", num_heads=heads, hidden_size=width, optimization_options=fusion, opt_level=1
        )
    return bytes(optimised.model.SerializeToString())


def _strip_source_locations(graph: bytes) -> bytes:
    """The graph without its nodes' source locations, which contain paths of this machine."""
    import onnx

    model = onnx.load_from_string(graph)
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    return bytes(model.SerializeToString())
