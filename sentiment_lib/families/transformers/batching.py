"""Batches of token ids: padded tensors, and rows grouped by length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from sentiment_lib.families.base import Tokens

#: Batches that are sorted by length together: little padding, while the order still differs between epochs.
BUCKET = 40


def pad(tokens: Tokens, token: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and attention mask, both (n, longest), of n texts; `token` pads the shorter ones."""
    longest = max(len(ids) for ids in tokens)
    ids = torch.full((len(tokens), longest), token, dtype=torch.long)
    mask = torch.zeros((len(tokens), longest), dtype=torch.long)
    for row, values in enumerate(tokens):
        ids[row, : len(values)] = torch.tensor(values)
        mask[row, : len(values)] = 1
    return ids, mask


def epoch_batches(tokens: Tokens, size: int, generator: np.random.Generator) -> list[NDArray[np.int64]]:
    """Row indices of one epoch: shuffled, sorted by length within buckets, and the batches shuffled again."""
    order = generator.permutation(len(tokens))
    batches: list[NDArray[np.int64]] = []
    for start in range(0, len(order), size * BUCKET):
        bucket = np.array(sorted(order[start : start + size * BUCKET], key=lambda row: len(tokens[row])))
        batches += [bucket[at : at + size] for at in range(0, len(bucket), size)]
    return [batches[index] for index in generator.permutation(len(batches))]


def batches_from(tokens: Tokens, size: int, seed: int, step: int) -> Iterator[NDArray[np.int64]]:
    """Endless batches from `step` on.

    The order within an epoch depends on seed and epoch alone, so a resumed training sees the same batches.
    """
    epoch = 0
    while True:
        batches = epoch_batches(tokens, size, np.random.default_rng([seed, epoch]))
        yield from batches[step:]
        step = max(0, step - len(batches))
        epoch += 1
