"""Going on from what an earlier package of a family learned, where the two fit together."""

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

#: Share of the later rows that must be newer than all that the first weights learned from.
NEWER = 0.5
HINT = "give the checkpoint that it was trained from, or leave start out"


@dataclass(frozen=True, kw_only=True)
class Start:
    """A package to go on from; what packages of earlier versions do not say is None."""

    package: Path
    #: SHA-256 of the checkpoint that it was trained from
    base: str | None
    #: time of the newest row that its weights, or those before them, learned from
    learned_until: datetime | None

    @property
    def digest(self) -> str:
        """Hex SHA-256 of its weights."""
        return hash_file(self.package / WEIGHTS)

    def first_later(self, created_at: Sequence[datetime] | None, cut: int, rows: int) -> int:
        """The place from `cut` on of the first row that is newer than all that these weights learned from.

        When to stop and how sure to be is read from the later rows: on rows that were learned from, everything looks
        sure. Rows are in the order of time. BadInput when less than NEWER of the later rows would be left. Rows
        without times, and packages that do not say what they learned from, are taken as they come.
        """
        if created_at is None or self.learned_until is None:
            return cut
        found = max(cut, bisect_right([_utc(moment) for moment in created_at], self.learned_until))
        if rows - found < NEWER * (rows - cut):
            newest = f"{self.learned_until:%Y-%m-%d %H:%M}"
            problem = (
                f"its weights learned from tweets until {newest}, and only {rows - found} of the {rows - cut} later "
                "rows are newer: begin from the checkpoint, without start, or add newer tweets"
            )
            raise BadInput(what=f"start {self.package}", problem=problem)
        return found

    def require_base(self, base: str) -> None:
        """BadInput when it is known that the package was trained from another checkpoint than that of this digest."""
        if self.base not in (None, base):
            problem = f"it was trained from a checkpoint with SHA-256 {self.base}, and this one has {base}: {HINT}"
            raise BadInput(what=f"start {self.package}", problem=problem)

    def put_into(self, network: nn.Module) -> None:
        """Give the network the weights; BadInput unless they are all that such a network learns, in the same shapes."""
        from safetensors.torch import load_file

        from sentiment_lib.families.transformers.checkpoint import learned

        found, needed = load_file(self.package / WEIGHTS), learned(network)
        problem = None
        if strange := sorted(set(found) - set(needed)):
            problem = f"{strange[0]} is not part of this network"
        elif missing := sorted(set(needed) - set(found)):
            problem = f"it has no {missing[0]}, which this network learns"
        elif other := [name for name in sorted(found) if found[name].shape != needed[name].shape]:
            shapes = " and ".join(str(tuple(values[other[0]].shape)) for values in (found, needed))
            problem = f"{other[0]} has another shape than in this network: {shapes}"
        if problem:
            raise BadInput(what=f"start {self.package}", problem=f"{problem}: {HINT}")
        network.load_state_dict({name: value.float() for name, value in found.items()}, strict=False)


def read(package: Path) -> Start:
    """What a package of a transformer says of its weights; BadInput when it has none to go on from."""
    if not (package / WEIGHTS).is_file():
        raise BadInput(what=f"start {package}", problem=f"it holds no {WEIGHTS}")
    settings = json.loads((package / SETTINGS).read_text())
    until = settings.get("learned_until")
    return Start(
        package=package,
        base=settings.get("base"),
        learned_until=None if until is None else datetime.fromisoformat(until),
    )


def weights_of(network: nn.Module) -> bytes:
    """Learned weights in half precision: enough to train on from, and half the size."""
    import torch
    from safetensors.torch import save

    from sentiment_lib.families.transformers.checkpoint import learned

    return save({name: value.detach().to(torch.float16).contiguous() for name, value in learned(network).items()})


def learned_until(created_at: Sequence[datetime] | None, cut: int, start: Start | None) -> str | None:
    """Time of the newest row, of the first `cut` and of those before a warm start; None when it is not known."""
    if created_at is None or (start is not None and start.learned_until is None):
        return None
    own = _utc(created_at[cut - 1])
    return (own if start is None or start.learned_until is None else max(own, start.learned_until)).isoformat()


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
