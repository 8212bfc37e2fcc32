"""What a fine-tuning step makes smaller: cross-entropy, over rows of which some words are blank.

Wu et al.: R-Drop, NeurIPS 2021, for the divergence between two looks. Blanked words are those of Devlin et al. (BERT),
here in fine-tuning: without them ten thousand tweets are learned by heart within three epochs.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from sentiment_lib.families.transformers.hyperparameters import Recipe
from sentiment_lib.records import LABELS


def loss(
    network: nn.Module,
    ids: torch.Tensor,
    mask: torch.Tensor,
    target: torch.Tensor,
    weights: torch.Tensor,
    recipe: Recipe,
) -> torch.Tensor:
    """One number, from token ids and mask (n, t), labels (n,) or shares of them (n, 3), and what each counts (3,)."""
    if not recipe.consistency:
        return functional.cross_entropy(network(ids, mask).float(), target, weights, label_smoothing=recipe.smoothing)
    # each row twice in one batch: dropout draws for each anew
    scores = network(ids.repeat(2, 1), mask.repeat(2, 1)).float()
    total = functional.cross_entropy(scores, torch.cat([target, target]), weights, label_smoothing=recipe.smoothing)
    one, two = scores.log_softmax(dim=1).chunk(2)
    apart = functional.kl_div(one, two, log_target=True, reduction="batchmean")
    apart = apart + functional.kl_div(two, one, log_target=True, reduction="batchmean")
    return total + recipe.consistency * apart / 2


def blanked(ids: torch.Tensor, mask: torch.Tensor, share: float, blank: int) -> torch.Tensor:
    """Token ids (n, t) with that share of each row's words replaced; what a row begins and ends with stays."""
    if not share:
        return ids
    words = mask.bool()
    words[:, 0] = False
    words[torch.arange(len(ids)), mask.sum(dim=1) - 1] = False
    return ids.masked_fill((torch.rand(ids.shape) < share) & words, blank)


def label_weights(labels: NDArray[np.int64], balance: float) -> torch.Tensor:
    """What each label counts (3,): its share to the power of minus `balance`; one on average over the rows."""
    shares = np.bincount(labels, minlength=len(LABELS)) / len(labels)
    weights = np.maximum(shares, 1 / len(labels)) ** -balance
    return torch.tensor(weights / (weights * shares).sum(), dtype=torch.float32)
