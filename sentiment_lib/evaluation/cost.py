"""What a candidate costs to train and to serve; measured by a step. The gate judges p99, memory and size."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Milliseconds for one tweet, tweets a second in a batch, megabytes, seconds of training; None: not measured."""

    p50_ms: float | None = None
    p99_ms: float | None = None
    tweets_per_second: float | None = None
    #: most that the training process held
    memory_mb: float | None = None
    #: what the loaded model keeps of its own (`Model.memory_mb`)
    model_mb: float | None = None
    #: files of the package
    artefact_mb: float | None = None
    train_seconds: float | None = None
    #: of all threads together
    train_cpu_seconds: float | None = None

    def as_dict(self) -> dict[str, float]:
        """The measured values by name."""
        return {name: value for name, value in vars(self).items() if value is not None}
