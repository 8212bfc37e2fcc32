"""Dropout whose mask is cut from random bytes: torch's own draws number by number, on a processor a part of each step.

Srivastava et al.: Dropout, Journal of Machine Learning Research 15, 2014.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

#: A byte tells this many values apart, so a share is kept to a quarter of a per cent.
BYTE = 256


class Dropout(nn.Dropout):
    """As torch's, which a GPU keeps; what is drawn follows from torch's seed."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """The values, of which a share `p` is zero in training and the rest larger, so that the mean stays."""
        if not self.training or not self.p or values.device.type != "cpu":
            return super().forward(values)
        return values * kept(values, self.p)


def kept(values: torch.Tensor, share: float) -> torch.Tensor:
    """What each of the values is multiplied by, in their shape and type: zero for that share of them."""
    below = round(share * BYTE)
    draw = np.random.Generator(np.random.SFC64(int(torch.randint(2**62, (1,)))))
    # a copy, because torch writes into what it wraps and these bytes are constant
    drawn = torch.frombuffer(bytearray(draw.bytes(values.numel())), dtype=torch.uint8).view(values.shape)
    return (drawn >= below).to(values.dtype).mul_(BYTE / (BYTE - below))


def use_bytes(network: nn.Module) -> None:
    """Put this dropout in place of torch's, wherever the network has one as a part."""
    for part in list(network.modules()):
        for name, child in list(part.named_children()):
            if type(child) is nn.Dropout:
                setattr(part, name, Dropout(child.p))
