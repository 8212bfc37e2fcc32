"""Warm starts: continued training from the weights of an earlier package of the same family."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment_lib.errors import BadInput
from sentiment_lib.families.onnx.runtime import SETTINGS, WEIGHTS
from sentiment_lib.hashing import hash_file

if TYPE_CHECKING:
    from torch import nn

#: Least share of the held-out rows that must be newer than everything the initial weights learned from.
NEWER = 0.5
HINT = "give the checkpoint that it was trained from, or leave start out"


@dataclass(frozen=True, kw_only=True)
class Start:
    """The weights in a package to start from; None for what the package does not state."""

    package: Path
    #: SHA-256 of the base checkpoint that it was trained from
    base: str | None
    #: time of the newest row that these weights, or those they started from, learned from
    trained_until: datetime | None

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the weights."""
        return hash_file(self.package / WEIGHTS)

    def first_held_out(self, created_at: Sequence[datetime] | None, split: int, rows: int) -> int:
        """Index, from `split` on, of the first row that is newer than everything the weights learned from.

        Early stopping and calibration use the held-out rows: on rows that were learned from a network looks better
        and surer than it is. `created_at` (rows,) is in order of time. Without times, or when the package does not
        state what it learned from, it is `split`. BadInput when less than NEWER of the held-out rows would remain.
        """
        if created_at is None or self.trained_until is None:
            return split
        first = max(split, bisect_right([_utc(moment) for moment in created_at], self.trained_until))
        if rows - first < NEWER * (rows - split):
            newest = f"{self.trained_until:%Y-%m-%d %H:%M}"
            problem = (
                f"its weights learned from tweets until {newest}, and only {rows - first} of the {rows - split} "
                "held-out rows are newer: begin from the checkpoint, without start, or add newer tweets"
            )
            raise BadInput(what=f"start {self.package}", problem=problem)
        return first

    def require_base(self, base: str) -> None:
        """Raise BadInput when the package states another base checkpoint than the one with this digest."""
        if self.base not in (None, base):
            problem = f"it was trained from a checkpoint with SHA-256 {self.base}, and this one has {base}: {HINT}"
            raise BadInput(what=f"start {self.package}", problem=problem)

    def load_into(self, network: nn.Module) -> None:
        """Load the weights; BadInput unless they match the network's trainable parameters in names and shapes."""
        from safetensors.torch import load_file

        from sentiment_lib.families.transformers.checkpoint import trainable

        weights, needed = load_file(self.package / WEIGHTS), trainable(network)
        problem = None
        if strange := sorted(set(weights) - set(needed)):
            problem = f"{strange[0]} is not part of this network"
        elif missing := sorted(set(needed) - set(weights)):
            problem = f"it has no {missing[0]}, which this network learns"
        elif other := [name for name in sorted(weights) if weights[name].shape != needed[name].shape]:
            shapes = " and ".join(str(tuple(values[other[0]].shape)) for values in (weights, needed))
            problem = f"{other[0]} has another shape than in this network: {shapes}"
        if problem:
            raise BadInput(what=f"start {self.package}", problem=f"{problem}: {HINT}")
        network.load_state_dict({name: value.float() for name, value in weights.items()}, strict=False)


def read(package: Path) -> Start:
    """What a transformer's package states of its weights; BadInput when it holds none."""
    if not (package / WEIGHTS).is_file():
        raise BadInput(what=f"start {package}", problem=f"it holds no {WEIGHTS}")
    settings = json.loads((package / SETTINGS).read_text())
    until = settings.get("learned_until")
    return Start(
        package=package,
        base=settings.get("base"),
        trained_until=None if until is None else datetime.fromisoformat(until),
    )


def export_weights(network: nn.Module) -> bytes:
    """Trainable parameters in half precision, as safetensors: enough to continue training from, at half the size."""
    import torch
    from safetensors.torch import save

    from sentiment_lib.families.transformers.checkpoint import trainable

    return save({name: value.detach().to(torch.float16).contiguous() for name, value in trainable(network).items()})


def trained_until(created_at: Sequence[datetime] | None, split: int, start: Start | None) -> str | None:
    """ISO time of the newest row before the split or behind the warm start; None when it is not known."""
    if created_at is None or (start is not None and start.trained_until is None):
        return None
    own = _utc(created_at[split - 1])
    return (own if start is None or start.trained_until is None else max(own, start.trained_until)).isoformat()


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
