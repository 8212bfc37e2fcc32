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

from sentiment_lib.families.recipe import Recipe
from sentiment_lib.records import LABELS


def loss(
    network: nn.Module,
    ids: torch.Tensor,
    mask: torch.Tensor,
    target: torch.Tensor,
    weights: torch.Tensor,
    recipe: Recipe,
) -> torch.Tensor:
    """One number, from token ids and mask (n, t), labels (n,) and what each label counts (3,)."""
    looks = [network(ids, mask).float() for _ in range(2 if recipe.consistency else 1)]
    wrong = [functional.cross_entropy(look, target, weight=weights, label_smoothing=recipe.smoothing) for look in looks]
    total = torch.stack(wrong).mean()
    if recipe.consistency:
        one, two = (look.log_softmax(dim=1) for look in looks)
        apart = functional.kl_div(one, two, log_target=True, reduction="batchmean")
        apart = apart + functional.kl_div(two, one, log_target=True, reduction="batchmean")
        total = total + recipe.consistency * apart / 2
    return total


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
