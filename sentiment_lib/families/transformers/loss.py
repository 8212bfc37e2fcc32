"""The loss of a fine-tuning: cross-entropy, with R-Drop and token dropout against overfitting.

Wu et al.: R-Drop, NeurIPS 2021. Tokens are masked as in BERT's pre-training (Devlin et al., NAACL 2019), here during
fine-tuning: without it a network memorises ten thousand tweets within three epochs.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from sentiment_lib.families.transformers.hyperparameters import Hyperparameters
from sentiment_lib.records import LABELS


def compute_loss(
    network: nn.Module,
    ids: torch.Tensor,
    mask: torch.Tensor,
    target: torch.Tensor,
    weights: torch.Tensor,
    hyperparameters: Hyperparameters,
) -> torch.Tensor:
    """Scalar loss of token ids and mask (n, t), targets (n,) or (n, 3), and class weights (3,)."""
    smoothing = hyperparameters.smoothing
    if not hyperparameters.consistency:
        return functional.cross_entropy(network(ids, mask).float(), target, weights, label_smoothing=smoothing)
    # each row twice in one batch: dropout differs between the two
    scores = network(ids.repeat(2, 1), mask.repeat(2, 1)).float()
    cross_entropy = functional.cross_entropy(scores, torch.cat([target, target]), weights, label_smoothing=smoothing)
    first, second = scores.log_softmax(dim=1).chunk(2)
    divergence = functional.kl_div(first, second, log_target=True, reduction="batchmean")
    divergence = divergence + functional.kl_div(second, first, log_target=True, reduction="batchmean")
    return cross_entropy + hyperparameters.consistency * divergence / 2


def drop_tokens(ids: torch.Tensor, mask: torch.Tensor, share: float, mask_token: int) -> torch.Tensor:
    """Token ids (n, t) of which a random share is replaced by `mask_token`; each row's first and last token stay."""
    if not share:
        return ids
    return ids.masked_fill((torch.rand(ids.shape) < share) & inner_tokens(mask), mask_token)


def inner_tokens(mask: torch.Tensor) -> torch.Tensor:
    """Boolean (n, t): tokens that are neither padding nor the first or last of their row."""
    inner = mask.bool()
    inner[:, 0] = False
    inner[torch.arange(len(mask)), mask.sum(dim=1) - 1] = False
    return inner


def class_weights(labels: NDArray[np.int64], balance: float) -> torch.Tensor:
    """Class weights (3,): class frequency to the power of minus `balance`; their mean over the rows is one."""
    shares = np.bincount(labels, minlength=len(LABELS)) / len(labels)
    weights = np.maximum(shares, 1 / len(labels)) ** -balance
    return torch.tensor(weights / (weights * shares).sum(), dtype=torch.float32)
