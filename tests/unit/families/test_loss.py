"""The loss of a fine-tuning: R-Drop, token dropout and class weights."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sentiment_lib.families.transformers.hyperparameters import Hyperparameters  # noqa: E402
from sentiment_lib.families.transformers.loss import class_weights, compute_loss, drop_tokens  # noqa: E402 - torch is looked for first

PLAIN = Hyperparameters(smoothing=0.0, consistency=0.0)
IDS = torch.tensor([[1, 7, 8, 9, 2], [1, 7, 2, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
TARGET = torch.tensor([0, 2])
EVEN = torch.ones(3)


class Noisy(torch.nn.Module):
    """Logits that depend on a draw, as dropout makes them."""

    def __init__(self, noise):
        super().__init__()
        self.noise, self.asked = noise, 0

    def forward(self, ids, mask):
        self.asked += 1
        return torch.tensor([2.0, 0.0, 1.0]).repeat(len(ids), 1) + self.noise * torch.randn(len(ids), 3)


def test_without_consistency_it_is_the_cross_entropy():
    scores = torch.tensor([2.0, 0.0, 1.0]).log_softmax(dim=0)
    assert float(compute_loss(Noisy(0), IDS, MASK, TARGET, EVEN, PLAIN)) == pytest.approx(
        float(-(scores[0] + scores[2]) / 2)
    )


def test_two_looks_that_agree_cost_nothing_and_others_by_their_divergence():
    twice = Hyperparameters(smoothing=0.0, consistency=1.0)
    plain = float(compute_loss(Noisy(0), IDS, MASK, TARGET, EVEN, PLAIN))
    assert float(compute_loss(Noisy(0), IDS, MASK, TARGET, EVEN, twice)) == pytest.approx(plain)
    torch.manual_seed(0)
    light = float(compute_loss(Noisy(1), IDS, MASK, TARGET, EVEN, Hyperparameters(smoothing=0.0, consistency=1e-9)))
    torch.manual_seed(0)
    heavy = float(compute_loss(Noisy(1), IDS, MASK, TARGET, EVEN, twice))
    torch.manual_seed(0)
    one, two = Noisy(1)(IDS.repeat(2, 1), None).softmax(dim=1).chunk(2)
    apart = ((one - two) * (one.log() - two.log())).sum(dim=1).mean() / 2
    assert heavy - light == pytest.approx(float(apart), rel=1e-4)


def test_words_left_out_are_words_only():
    torch.manual_seed(0)
    found = torch.stack([drop_tokens(IDS, MASK, 0.5, 99) for _ in range(400)])
    share = (found == 99).float().mean(dim=0)
    kept = torch.tensor([[1, 0, 0, 0, 1], [1, 0, 1, 1, 1]]).bool()
    assert (share[kept] == 0).all(), "what a row begins and ends with, and what fills it up, stays"
    assert ((share[~kept] - 0.5).abs() < 0.1).all()
    assert (drop_tokens(IDS, MASK, 0.0, 99) == IDS).all()


def test_labels_count_by_the_inverse_of_their_share():
    labels = np.array([0] * 6 + [1] * 3 + [2])
    assert class_weights(labels, 0.0).tolist() == [1, 1, 1]
    whole = class_weights(labels, 1.0).numpy()
    assert (whole * np.bincount(labels)).tolist() == pytest.approx([10 / 3] * 3)
    half = class_weights(labels, 0.5).numpy()
    assert half[2] / half[0] == pytest.approx(6**0.5)
    assert (half[labels]).mean() == pytest.approx(1)
