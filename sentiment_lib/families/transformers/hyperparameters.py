"""Hyperparameters of a fine-tuning, with their defaults and bounds."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sentiment_lib.families.options import Number


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """Learning rates, lengths and regularisation; the defaults were measured for MiniLM on 10,000 tweets."""

    epochs: int = 2
    batch: int = 32
    #: peak learning rates of the body and of the classification head
    rate: float = 1e-4
    head_rate: float = 1e-3
    #: share of the steps in which the learning rate rises
    warm_up: float = 0.06
    #: label smoothing
    smoothing: float = 0.05
    #: largest gradient norm
    clip: float = 1.0
    #: weight decay
    decay: float = 0.01
    #: share of the tokens that each step masks
    token_dropout: float = 0.0
    #: weight of R-Drop's divergence between two passes over the same rows with different dropout; 0: one pass
    consistency: float = 1.0
    #: weight of the teacher's probabilities (Training.teacher) in the targets; the rest is the label
    distillation: float = 0.0
    #: class weights are the inverse class frequency to this power
    balance: float = 0.5
    #: epochs of masked language modelling on unlabelled tweets before the fine-tuning
    pretrain_epochs: int = 0
    #: evaluations on the held-out rows in each epoch after the first
    evaluations_per_epoch: int = 2
    #: evaluations without improvement after which training stops
    patience: int = 3
    #: steps between two checkpoints
    checkpoint_every: int = 50
    #: 0: as many as the epochs need
    max_steps: int = 0


#: Lowest and highest value of each field; outside these bounds a training would learn nothing or never end.
BOUNDS = {
    "epochs": (1, 1000),
    "batch": (1, 4096),
    "rate": (1e-9, 1),
    "head_rate": (1e-9, 1),
    "warm_up": (0, 1),
    "smoothing": (0, 0.9),
    "clip": (1e-6, 1e6),
    "decay": (0, 1),
    "token_dropout": (0, 0.9),
    "consistency": (0, 100),
    "distillation": (0, 1),
    "balance": (0, 2),
    "pretrain_epochs": (0, 1000),
    "evaluations_per_epoch": (1, 1000),
    "patience": (1, 1000),
    "checkpoint_every": (1, 1_000_000),
    "max_steps": (0, 10_000_000),
}


def as_options(defaults: Hyperparameters) -> dict[str, Number]:
    """Each field as an option: its default, its bounds, and whether it is an integer."""
    return {
        name: Number(value, *BOUNDS[name], integer=isinstance(value, int)) for name, value in asdict(defaults).items()
    }
