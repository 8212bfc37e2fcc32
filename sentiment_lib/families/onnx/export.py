"""A trained network as an ONNX graph, in int8 when real tweets show that this changes next to nothing."""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sentiment_lib.errors import TrainingRefused
from sentiment_lib.families.onnx import parity, runtime
from sentiment_lib.families.onnx.quantisation import FEWEST, SEEN, quantised, with_ranges
from sentiment_lib.families.onnx.runtime import INPUT
from sentiment_lib.families.onnx.smooth_quant import smoothed
from sentiment_lib.families.transformers.optimisation import Tokens
from sentiment_lib.records import LABELS

#: Most that a logit of the graph in single precision may be off, as a share of the largest logit (or of one): rounding
#: makes a millionth to a ten-thousandth of it, a node that was exported wrongly more.
APART = 1e-3
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


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Token ids that a graph is made and judged with; `truth` (n,) are the labels of the later rows.

    `examples` stand in where there are no rows: they show whether the graph computes what the network does, and nothing
    on what int8 does to tweets.
    """

    earlier: Tokens
    later: Tokens
    truth: NDArray[np.int64]
    examples: Tokens


def export(family: str, network: nn.Module, sample: Sample, precision: str, report: Callable[[str], None]) -> Exported:
    """The graph to serve: int8 with ranges seen in the earlier rows, where parity on the later ones holds.

    TrainingRefused when the graph in single precision does not compute what the network does. `report` hears what is
    being done, and may raise to cancel it.
    """
    report("making the graph")
    whole = graph_of(network)
    report("comparing the graph with the network")
    seen, later = sample.earlier[-SEEN:], sample.later[-parity.ROWS :]
    judged = later or seen or sample.examples
    scores = _scores(network, judged)
    apart = np.abs(runtime.run(runtime.session(whole), judged, TOGETHER) - scores).max()
    if not apart <= APART * max(1.0, np.abs(scores).max()):
        problem = f"its ONNX graph is off by {apart:.1e} in a logit, so it is not the network that was trained"
        raise TrainingRefused(family=family, problem=problem)
    notes: dict[str, Any] = {"onnx_difference": float(f"{apart:.1e}"), "precision": "fp32"}
    if precision == "fp32":
        return Exported(graph=whole, together=TOGETHER, notes=notes)
    if not later:
        # whether int8 answers the same is not known without tweets that were not learned from
        return Exported(graph=whole, together=TOGETHER, notes=notes | {"int8_rows": 0, "int8_same_labels": None})
    report("making the int8 graph")
    if len(seen) >= FEWEST:
        small, together = with_ranges(quantised(smoothed(whole, seen)), seen), TOGETHER
    else:
        small, together = quantised(whole), 1
    report("comparing the int8 graph with the network")
    answers = runtime.run(runtime.session(small), later, together)
    found = parity.compared(scores, answers, sample.truth[-len(later) :])
    notes |= found.notes
    if not found.holds:
        return Exported(graph=whole, together=TOGETHER, notes=notes)
    return Exported(graph=small, together=together, notes=notes | {"precision": "int8"})


def _scores(network: nn.Module, tokens: Tokens) -> NDArray[np.float64]:
    """The network's logits (n, 3) in single precision; texts of one length together, so nothing is padded."""
    found = np.empty((len(tokens), len(LABELS)))
    with torch.inference_mode():
        for rows in runtime.batches(tokens, 64):
            found[rows] = network.eval()(torch.tensor([list(tokens[row]) for row in rows])).numpy()
    return found


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
