"""How a network learns."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sentiment_lib.families.options import Number


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Rates, lengths and what keeps a network from learning its rows by heart; measured for MiniLM on 10,000 tweets."""

    epochs: int = 2
    batch: int = 32
    rate: float = 1e-4
    head_rate: float = 1e-3
    warm_up: float = 0.06
    smoothing: float = 0.05
    clip: float = 1.0
    decay: float = 0.01
    #: share of the words that each step blanks
    words_left_out: float = 0.0
    #: weight of the divergence between two looks at the same rows, each with its own dropout; 0: one look
    consistency: float = 1.0
    #: share of what is learned that a teacher says of the row (Training.teacher); the rest is the label
    taught: float = 0.0
    #: labels count by the inverse of their share to this power
    balance: float = 0.5
    #: passes over tweets without labels in which words are guessed, before the labels are learned
    adapt: int = 0
    #: looks at the later rows in each epoch, after the first
    looks: int = 2
    #: looks without a gain after which training stops
    patience: int = 3
    #: steps between two checkpoints
    interval: int = 50
    #: 0: as many as the epochs ask for
    max_steps: int = 0


#: Least and most of each field. What lies outside is a slip of the pen: nothing would be learned, or never an end.
BOUNDS = {
    "epochs": (1, 1000),
    "batch": (1, 4096),
    "rate": (1e-9, 1),
    "head_rate": (1e-9, 1),
    "warm_up": (0, 1),
    "smoothing": (0, 0.9),
    "clip": (1e-6, 1e6),
    "decay": (0, 1),
    "words_left_out": (0, 0.9),
    "consistency": (0, 100),
    "taught": (0, 1),
    "balance": (0, 2),
    "adapt": (0, 1000),
    "looks": (1, 1000),
    "patience": (1, 1000),
    "interval": (1, 1_000_000),
    "max_steps": (0, 10_000_000),
}


def bounds_of(usual: Recipe) -> dict[str, Number]:
    """Each field as an option with its bounds; what `usual` has is the default, and says whether it is whole."""
    return {name: Number(value, *BOUNDS[name], whole=isinstance(value, int)) for name, value in asdict(usual).items()}
