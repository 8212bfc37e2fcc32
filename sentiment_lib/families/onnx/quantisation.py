"""Quantisation of a graph to int8: weights per channel, activations with static ranges.

Jacob et al.: Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference, CVPR 2018.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.families.base import Tokens
from sentiment_lib.families.onnx import runtime
from sentiment_lib.scratch import scratch_folder

#: Most calibration texts, and the fewest for static ranges.
MAX_ROWS, MIN_ROWS = 500, 50


def quantise(graph: bytes) -> bytes:
    """Dynamic quantisation: weights in int8, activations scaled by batch."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with scratch_folder() as folder:
        source, target = folder / "source.onnx", folder / "target.onnx"
        source.write_bytes(graph)
        level = logging.getLogger().level
        # it recommends a pre-processing that has no effect on this graph
        logging.getLogger().setLevel(logging.ERROR)
        try:
            quantize_dynamic(
                source,
                target,
                weight_type=QuantType.QInt8,
                per_channel=True,
                # outputs of fused nodes have no type in the graph
                extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
            )
        finally:
            logging.getLogger().setLevel(level)
        return target.read_bytes()


def set_static_ranges(graph: bytes, tokens: Tokens) -> bytes:
    """A dynamically quantised graph with its activations quantised statically, to the ranges of these texts.

    A text's result then does not depend on its neighbours, so texts of equal length can be batched, and no time is
    spent on finding the range of each batch.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load_from_string(graph)
    dynamic = [node for node in model.graph.node if node.op_type == "DynamicQuantizeLinear"]
    low, high = _ranges(graph, [(node.output[1], node.output[2]) for node in dynamic], tokens)
    for node, lowest, highest in zip(dynamic, low, high, strict=True):
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
    _fuse_products(model)
    return bytes(model.SerializeToString())


def _ranges(
    graph: bytes, names: Sequence[tuple[str, str]], tokens: Tokens
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest value of each activation over the texts; `names` are its dynamic scale and zero point."""
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load_from_string(graph)
    for scale, zero in names:
        model.graph.output.append(helper.make_tensor_value_info(scale, TensorProto.FLOAT, None))
        model.graph.output.append(helper.make_tensor_value_info(zero, TensorProto.UINT8, None))
    session = runtime.session(model.SerializeToString())
    outputs = [name for pair in names for name in pair]
    low, high = [], []
    for ids in tokens:
        values = session.run(outputs, {runtime.INPUT: np.array([ids], dtype=np.int64)})
        scales, zeros = (np.array(values[start::2], dtype=np.float64) for start in (0, 1))
        low.append(-zeros * scales)
        high.append((255 - zeros) * scales)
    return np.min(low, axis=0), np.max(high, axis=0)


def _fuse_products(model: Any) -> None:
    """Fuse multiplication, scaling and bias into one node, in place, wherever they follow each other."""
    from onnx import helper

    graph = model.graph
    producers = {name: node for node in graph.node for name in node.output}
    consumers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            consumers.setdefault(name, []).append(node)
    biases = {tensor.name for tensor in graph.initializer if len(tensor.dims) == 1}
    for product in [node for node in graph.node if node.op_type == "MatMulInteger"]:
        chain = _chain(product, consumers, ("Cast", "Mul"))
        if chain is None:
            continue
        cast, scaled = chain
        scales = producers.get(next(name for name in scaled.input if name != cast.output[0]))
        quantise = producers.get(product.input[0])
        if scales is None or scales.op_type != "Mul" or quantise is None or quantise.op_type != "QuantizeLinear":
            continue
        input_scale, zero = quantise.input[1:3]
        weight_scale = next(name for name in scales.input if name != input_scale)
        inputs = [
            *product.input[:2],
            input_scale,
            weight_scale,
            zero,
            product.input[3] if len(product.input) > 3 else "",
        ]
        removed, output = [product, cast, scaled], scaled.output[0]
        if len(consumers[scales.output[0]]) == 1:
            removed.append(scales)
        added = _chain(scaled, consumers, ("Add",))
        bias = next((name for name in added[0].input if name in biases), None) if added else None
        if added and bias is not None:
            inputs.append(bias)
            removed.append(added[0])
            output = added[0].output[0]
        fused = helper.make_node("MatMulIntegerToFloat", inputs, [output], domain="com.microsoft")
        graph.node.insert(list(graph.node).index(product), fused)
        for node in removed:
            graph.node.remove(node)
    if not any(opset.domain == "com.microsoft" for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def _chain(node: Any, consumers: Mapping[str, list[Any]], kinds: Sequence[str]) -> list[Any] | None:
    """The nodes of these kinds that follow `node`, each the only consumer of the one before; None if they do not."""
    chain = []
    for kind in kinds:
        after = consumers.get(node.output[0], [])
        if len(after) != 1 or after[0].op_type != kind:
            return None
        node = after[0]
        chain.append(node)
    return chain
