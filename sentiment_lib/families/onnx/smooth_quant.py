"""SmoothQuant: moves outliers of the activations into the weights, so that both fit into int8.

Xiao et al.: SmoothQuant, ICML 2023. A few channels of a transformer's activations are far larger than the rest, and one
range for all channels leaves the rest a handful of its 256 steps. Each channel is divided by a factor and its row of
the weights multiplied by it: in single precision the graph computes the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.families.base import Tokens
from sentiment_lib.families.onnx import runtime

#: SmoothQuant's alpha, the share of a channel's magnitude that moves into the weights. On two fine-tuned networks
#: (MPNet on later airline tweets, MiniLM on later SemEval tweets) this lost far less than 0.5, and neither 0.6 nor 0.8
#: was better on both.
ALPHA = 0.7
EPSILON = 1e-5
#: Nodes that multiply an activation, their first input, by weights (k, n), their second.
PRODUCTS = ("MatMul", "Attention")


def smooth(graph: bytes, tokens: Tokens) -> bytes:
    """The single-precision graph with its activations smoothed; `tokens` are calibration texts."""
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load_from_string(graph)
    weights = {tensor.name: tensor for tensor in model.graph.initializer if len(tensor.dims) == 2}
    consumers: dict[str, list[Any]] = {}
    for node in model.graph.node:
        if node.op_type in PRODUCTS and node.input[1] in weights:
            consumers.setdefault(node.input[0], []).append(node)
    for (name, nodes), maxima in zip(consumers.items(), _channel_maxima(graph, list(consumers), tokens), strict=True):
        matrices = {node.input[1]: numpy_helper.to_array(weights[node.input[1]]) for node in nodes}
        factors = _factors(maxima, np.max([np.abs(matrix).max(axis=1) for matrix in matrices.values()], axis=0))
        for weight, matrix in matrices.items():
            weights[weight].CopyFrom(numpy_helper.from_array(matrix * factors[:, None], weight))
        model.graph.initializer.append(numpy_helper.from_array(1 / factors, f"{name}_smoothing"))
        divided = helper.make_node("Mul", [name, f"{name}_smoothing"], [f"{name}_smoothed"])
        model.graph.node.insert(min(list(model.graph.node).index(node) for node in nodes), divided)
        for node in nodes:
            node.input[0] = f"{name}_smoothed"
    return bytes(model.SerializeToString())


def _factors(maxima: NDArray[np.float32], weight_maxima: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divisor of each channel (k,); their geometric mean is one."""
    logs = ALPHA * np.log(np.maximum(maxima, EPSILON)) - (1 - ALPHA) * np.log(np.maximum(weight_maxima, EPSILON))
    factors: NDArray[np.float32] = np.exp(logs - logs.mean()).astype(np.float32)
    return factors


def _channel_maxima(graph: bytes, names: Sequence[str], tokens: Tokens) -> list[NDArray[np.float32]]:
    """Largest absolute value (k,) of each channel of these activations over the texts."""
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load_from_string(graph)
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    session = runtime.session(model.SerializeToString())
    maxima: list[NDArray[np.float32]] = [np.zeros(1, dtype=np.float32) for _ in names]
    for ids in tokens:
        values = session.run(list(names), {runtime.INPUT: np.array([ids], dtype=np.int64)})
        maxima = [
            np.maximum(largest, np.abs(value).reshape(-1, value.shape[-1]).max(axis=0))
            for largest, value in zip(maxima, values, strict=True)
        ]
    return maxima
