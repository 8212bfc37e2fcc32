"""SmoothQuant: with outlier channels, int8 keeps the others only after smoothing."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sentiment_lib.families.onnx import runtime
from sentiment_lib.families.onnx.quantisation import quantise, set_static_ranges
from sentiment_lib.families.onnx.smooth_quant import smooth

WORDS, WIDTH = 50, 64


@pytest.fixture(scope="module")
def graph():
    """Word vectors, two columns made a hundred times as large as the rest, times weights, mean over the words."""
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(WORDS, WIDTH)).astype(np.float32)
    gains = np.ones(WIDTH, dtype=np.float32)
    gains[:2] = 100
    weights = draw.normal(size=(WIDTH, 3)).astype(np.float32)
    weights[:2] /= 100
    arrays = {"vectors": vectors, "gains": gains, "weights": weights}
    nodes = [
        helper.make_node("Gather", ["vectors", runtime.INPUT], ["read"]),
        helper.make_node("Mul", ["read", "gains"], ["seen"]),
        helper.make_node("MatMul", ["seen", "weights"], ["scores"]),
        helper.make_node("ReduceMean", ["scores"], ["logits"], axes=[1], keepdims=0),
    ]
    body = helper.make_graph(
        nodes,
        "outliers",
        [helper.make_tensor_value_info(runtime.INPUT, TensorProto.INT64, ["texts", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["texts", 3])],
        [numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


@pytest.fixture(scope="module")
def tokens():
    draw = np.random.default_rng(1)
    return [draw.integers(0, WORDS, size=length).tolist() for length in draw.integers(3, 12, size=120)]


def answers(graph, tokens):
    return runtime.run(runtime.session(graph), tokens)


def test_in_single_precision_nothing_changes(graph, tokens):
    np.testing.assert_allclose(answers(smooth(graph, tokens), tokens), answers(graph, tokens), rtol=1e-4, atol=1e-4)


def test_in_int8_what_was_lost_to_the_large_columns_comes_back(graph, tokens):
    exact = answers(graph, tokens)
    before, after = (
        np.abs(answers(set_static_ranges(quantise(one), tokens), tokens) - exact).mean()
        for one in (graph, smooth(graph, tokens))
    )
    assert after < before / 5


def test_products_that_share_an_input_share_its_factors(graph, tokens):
    model = onnx.load_from_string(graph)
    model.graph.initializer.append(numpy_helper.from_array(np.ones((WIDTH, 3), dtype=np.float32), "others"))
    model.graph.node.insert(3, helper.make_node("MatMul", ["seen", "others"], ["more"]))
    model.graph.node[-1].input[0] = "sum"
    model.graph.node.insert(4, helper.make_node("Add", ["scores", "more"], ["sum"]))
    both = model.SerializeToString()
    kinds = [node.op_type for node in onnx.load_from_string(smooth(both, tokens)).graph.node]
    assert kinds.count("Mul") == 2  # the gains, and the factors
    np.testing.assert_allclose(answers(smooth(both, tokens), tokens), answers(both, tokens), rtol=1e-4, atol=1e-2)
