"""A graph in int8: weights with a scale for each column, activations within ranges that were seen beforehand.

Jacob et al.: Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference, CVPR 2018.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sentiment_lib.families.onnx import runtime

#: Texts that ranges are taken from, at most; with fewer than the other number activations are scaled as they come.
SEEN, FEWEST = 500, 50


def quantised(graph: bytes) -> bytes:
    """Weights in int8; activations are scaled as they come, by what is in the batch (dynamic quantisation)."""
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


def with_ranges(graph: bytes, tokens: Sequence[Sequence[int]]) -> bytes:
    """A dynamically quantised graph with its activations in the ranges that these texts needed.

    Then nothing of one text depends on its neighbours, so texts of one length can go together, and nobody has to look
    for the range of each batch.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load_from_string(graph)
    scaled = [node for node in model.graph.node if node.op_type == "DynamicQuantizeLinear"]
    low, high = _ranges(graph, [(node.output[1], node.output[2]) for node in scaled], tokens)
    for node, lowest, highest in zip(scaled, low, high, strict=True):
        scale = np.float32((highest - lowest) / 255)
        zero = np.uint8(np.clip(np.rint(-lowest / scale), 0, 255))
        values, names = node.input[0], list(node.output)
        model.graph.initializer.extend(
            [numpy_helper.from_array(np.asarray(scale), names[1]), numpy_helper.from_array(np.asarray(zero), names[2])]
        )
        node.op_type = "QuantizeLinear"
        del node.input[:], node.output[:]
        node.input.extend([values, names[1], names[2]])
        node.output.append(names[0])
    _in_one_node(model)
    return bytes(model.SerializeToString())


def _ranges(
    graph: bytes, names: Sequence[tuple[str, str]], tokens: Sequence[Sequence[int]]
) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest value of each activation over the texts, from the (scale, zero) that each text was given."""
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load_from_string(graph)
    for scale, zero in names:
        model.graph.output.append(helper.make_tensor_value_info(scale, TensorProto.FLOAT, None))
        model.graph.output.append(helper.make_tensor_value_info(zero, TensorProto.UINT8, None))
    session = runtime.session(model.SerializeToString())
    wanted = [name for pair in names for name in pair]
    low, high = [], []
    for ids in tokens:
        found = session.run(wanted, {runtime.INPUT: np.array([ids], dtype=np.int64)})
        scales, zeros = (np.array(found[start::2], dtype=np.float64) for start in (0, 1))
        low.append(-zeros * scales)
        high.append((255 - zeros) * scales)
    return np.min(low, axis=0), np.max(high, axis=0)


def _in_one_node(model: Any) -> None:
    """Multiply, scale and add the bias in one node instead of five, wherever they follow each other."""
    from onnx import helper

    graph = model.graph
    makes = {name: node for node in graph.node for name in node.output}
    takes: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            takes.setdefault(name, []).append(node)
    biases = {tensor.name for tensor in graph.initializer if len(tensor.dims) == 1}
    for product in [node for node in graph.node if node.op_type == "MatMulInteger"]:
        chain = _chain(product, takes, ("Cast", "Mul"))
        if chain is None:
            continue
        cast, scaled = chain
        scales = makes.get(next(name for name in scaled.input if name != cast.output[0]))
        quantise = makes.get(product.input[0])
        if scales is None or scales.op_type != "Mul" or quantise is None or quantise.op_type != "QuantizeLinear":
            continue
        of_values, zero = quantise.input[1:3]
        of_weights = next(name for name in scales.input if name != of_values)
        inputs = [*product.input[:2], of_values, of_weights, zero, product.input[3] if len(product.input) > 3 else ""]
        gone, output = [product, cast, scaled], scaled.output[0]
        if len(takes[scales.output[0]]) == 1:
            gone.append(scales)
        added = _chain(scaled, takes, ("Add",))
        bias = next((name for name in added[0].input if name in biases), None) if added else None
        if added and bias is not None:
            inputs.append(bias)
            gone.append(added[0])
            output = added[0].output[0]
        fused = helper.make_node("MatMulIntegerToFloat", inputs, [output], domain="com.microsoft")
        graph.node.insert(list(graph.node).index(product), fused)
        for node in gone:
            graph.node.remove(node)
    if not any(known.domain == "com.microsoft" for known in model.opset_import):
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def _chain(node: Any, takes: dict[str, list[Any]], kinds: Sequence[str]) -> list[Any] | None:
    """The nodes of these kinds that follow one another, each the only one to take what comes before."""
    found = []
    for kind in kinds:
        after = takes.get(node.output[0], [])
        if len(after) != 1 or after[0].op_type != kind:
            return None
        node = after[0]
        found.append(node)
    return found
