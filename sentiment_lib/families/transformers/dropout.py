"""Dropout with masks from random bytes: on a CPU, torch's draw for each number is a large part of a training step.

Srivastava et al.: Dropout, Journal of Machine Learning Research 15, 2014.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

#: A byte has this many values, so the rate is exact to a quarter of a per cent.
BYTE = 256


class Dropout(nn.Dropout):
    """Drop-in replacement of torch's dropout on a CPU, seeded by torch's generator; on a GPU it is torch's own."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """In training mode, zero a share `p` of the values and scale up the rest, which keeps the mean."""
        if not self.training or not self.p or values.device.type != "cpu":
            return super().forward(values)
        return values * dropout_mask(values, self.p)


def dropout_mask(values: torch.Tensor, rate: float) -> torch.Tensor:
    """Factors in the shape and type of `values`: zero for a share `rate` of them, else about 1 / (1 - rate)."""
    below = round(rate * BYTE)
    generator = np.random.Generator(np.random.SFC64(int(torch.randint(2**62, (1,)))))
    # bytearray copies: torch needs a writable buffer
    random_bytes = torch.frombuffer(bytearray(generator.bytes(values.numel())), dtype=torch.uint8).view(values.shape)
    return (random_bytes >= below).to(values.dtype).mul_(BYTE / (BYTE - below))


def replace_dropout(network: nn.Module) -> None:
    """Replace every torch dropout inside `network` by this one, in place."""
    for part in list(network.modules()):
        for name, child in list(part.named_children()):
            if type(child) is nn.Dropout:
                setattr(part, name, Dropout(child.p))
