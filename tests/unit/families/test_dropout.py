"""Dropout with masks from random bytes, and embeddings in the dtype of autocast."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from sentiment_lib.families.transformers import networks  # noqa: E402 - torch is looked for first
from sentiment_lib.families.transformers.dropout import Dropout, dropout_mask, replace_dropout  # noqa: E402
from tests.unit.families.small_checkpoints import mpnet  # noqa: E402

ONES = torch.ones(200, 300)


def test_its_share_of_the_values_is_zero_and_their_mean_stays():
    torch.manual_seed(0)
    found = Dropout(0.1)(ONES)
    assert float((found == 0).float().mean()) == pytest.approx(0.1, abs=0.005)
    assert float(found.mean()) == pytest.approx(1.0, abs=0.005)
    assert len(found.unique()) == 2


def test_what_is_drawn_follows_from_the_seed_and_differs_from_call_to_call():
    torch.manual_seed(7)
    one, two = Dropout(0.3)(ONES), Dropout(0.3)(ONES)
    torch.manual_seed(7)
    assert torch.equal(Dropout(0.3)(ONES), one)
    assert not torch.equal(one, two)


def test_a_gradient_flows_through_what_stays():
    values = torch.ones(50, 50, requires_grad=True)
    found = Dropout(0.2)(values)
    found.sum().backward()
    assert torch.equal(values.grad, found.detach())


def test_nothing_is_left_out_where_nobody_learns():
    assert Dropout(0.5).eval()(ONES) is ONES
    assert Dropout(0.0)(ONES) is ONES


def test_half_precision_stays_half_precision():
    assert dropout_mask(ONES.bfloat16(), 0.1).dtype is torch.bfloat16


def test_every_dropout_of_a_network_is_replaced():
    network = torch.nn.Sequential(torch.nn.Dropout(0.1), torch.nn.ModuleDict({"inner": torch.nn.Dropout(0.4)}))
    replace_dropout(network)
    assert [part.p for part in network.modules() if isinstance(part, Dropout)] == [0.1, 0.4]
    assert not [part for part in network.modules() if type(part) is torch.nn.Dropout]


def test_words_begin_in_the_precision_of_autocast(tmp_path):
    network = networks.build("mean", mpnet(tmp_path))
    begun = []
    network.body.embeddings.register_forward_hook(lambda _, __, states: begun.append(states.dtype))
    ids = torch.tensor([[0, 7, 8, 2]])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        network(ids)
    network(ids)
    assert begun == [torch.bfloat16, torch.float32]
