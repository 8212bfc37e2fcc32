"""A graph whose activations fit into int8: what is large in a few columns moves into the weights they meet.

Xiao et al.: SmoothQuant, ICML 2023. A transformer's activations have a few columns that are far larger than the rest;
one range for all columns leaves the rest a handful of its 256 steps. Each column is divided by a factor before it is
rounded, and its row of the weights is multiplied by it: in single precision the graph computes what it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.families.onnx import runtime

#: How much of a column's size moves into the weights: 0 none, 1 all. On two fine-tuned networks (MPNet on later airline
#: tweets, MiniLM on later SemEval tweets) this lost far less than 0.5, and neither 0.6 nor 0.8 was better on both.
MOVED = 0.7
SMALLEST = 1e-5
#: What multiplies an activation by weights: the activation is its first input, the weights (k, n) are its second.
PRODUCTS = ("MatMul", "Attention")


def smoothed(graph: bytes, tokens: Sequence[Sequence[int]]) -> bytes:
    """The graph in single precision with each product's input divided, and its weights multiplied, column by column.

    tokens: texts in which the size of each column is looked up.
    """
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load_from_string(graph)
    weights = {tensor.name: tensor for tensor in model.graph.initializer if len(tensor.dims) == 2}
    takers: dict[str, list[Any]] = {}
    for node in model.graph.node:
        if node.op_type in PRODUCTS and node.input[1] in weights:
            takers.setdefault(node.input[0], []).append(node)
    for (name, nodes), largest in zip(takers.items(), _largest(graph, list(takers), tokens), strict=True):
        met = {node.input[1]: numpy_helper.to_array(weights[node.input[1]]) for node in nodes}
        factors = _factors(largest, np.max([np.abs(matrix).max(axis=1) for matrix in met.values()], axis=0))
        for weight, matrix in met.items():
            weights[weight].CopyFrom(numpy_helper.from_array(matrix * factors[:, None], weight))
        model.graph.initializer.append(numpy_helper.from_array(1 / factors, f"{name}_smoothing"))
        divided = helper.make_node("Mul", [name, f"{name}_smoothing"], [f"{name}_smoothed"])
        model.graph.node.insert(min(list(model.graph.node).index(node) for node in nodes), divided)
        for node in nodes:
            node.input[0] = f"{name}_smoothed"
    return bytes(model.SerializeToString())


def _factors(largest: NDArray[np.float32], of_weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """What each column is divided by; their geometric mean is one, so that the whole keeps its size."""
    logs = MOVED * np.log(np.maximum(largest, SMALLEST)) - (1 - MOVED) * np.log(np.maximum(of_weights, SMALLEST))
    factors: NDArray[np.float32] = np.exp(logs - logs.mean()).astype(np.float32)
    return factors


def _largest(graph: bytes, names: Sequence[str], tokens: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
    """Largest absolute value of each column of these activations over the texts."""
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load_from_string(graph)
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    session = runtime.session(model.SerializeToString())
    found: list[NDArray[np.float32]] = [np.zeros(1, dtype=np.float32) for _ in names]
    for ids in tokens:
        values = session.run(list(names), {runtime.INPUT: np.array([ids], dtype=np.int64)})
        found = [
            np.maximum(known, np.abs(value).reshape(-1, value.shape[-1]).max(axis=0))
            for known, value in zip(found, values, strict=True)
        ]
    return found
