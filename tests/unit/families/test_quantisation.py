"""Static int8 quantisation: independent of the batch, and close to single precision."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from sentiment_lib.families import catalog
from sentiment_lib.families.onnx import runtime
from sentiment_lib.families.onnx.quantisation import quantise, set_static_ranges
from tests.unit.families.made_up import made_up


@pytest.fixture(scope="module")
def whole(options):
    """A graph in single precision, and token ids of texts of many lengths."""
    texts, labels = made_up(300)
    model = catalog.train("bert", texts, labels, seed=0, precision="fp32", **options("bert"))
    cutter = runtime.tokenizer(model._files[runtime.TOKENIZER].decode(), 64)
    return model._files[runtime.GRAPH], [found.ids for found in cutter.encode_batch(texts[:120])]


def answers(graph, tokens, together=1):
    return runtime.run(runtime.session(graph), tokens, together)


def test_neighbours_of_one_length_change_no_bit(whole):
    graph, tokens = whole
    small = set_static_ranges(quantise(graph), tokens[:60])
    alone = answers(small, tokens)
    assert max(np.bincount([len(ids) for ids in tokens])) > 2, "no two texts have the same length"
    assert np.array_equal(answers(small, tokens, together=8), alone)


def test_the_answers_are_near_those_of_single_precision(whole):
    graph, tokens = whole
    exact = answers(graph, tokens)
    fixed = answers(set_static_ranges(quantise(graph), tokens[:60]), tokens)
    as_they_come = answers(quantise(graph), tokens)
    apart = np.abs(fixed - exact).mean()
    assert 0 < apart < 2 * np.abs(as_they_come - exact).mean() + 0.01


def test_nothing_looks_for_ranges_and_products_are_one_node(whole):
    graph, tokens = whole
    kinds = {node.op_type for node in onnx.load_from_string(set_static_ranges(quantise(graph), tokens[:60])).graph.node}
    assert "MatMulIntegerToFloat" in kinds
    assert not kinds & {"DynamicQuantizeLinear", "MatMulInteger"}


def test_the_package_says_how_many_go_together(options):
    texts, labels = made_up(300)
    many = catalog.train("bert", texts, labels, seed=0, **options("bert"))
    few = catalog.train("bert", texts[:100], labels[:100], seed=0, later=0.6, **options("bert"))
    assert (many._settings["together"], few._settings["together"]) == (8, 1)
    assert many.notes["precision"] == "int8"
