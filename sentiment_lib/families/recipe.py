"""How a network learns."""

from __future__ import annotations

from dataclasses import dataclass


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
