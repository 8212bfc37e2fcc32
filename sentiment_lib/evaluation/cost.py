"""Cost of training and serving a candidate. The gate judges p99 latency, memory and artefact size."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Latency of one tweet (ms), throughput of a batch, megabytes and seconds; None where not measured."""

    p50_ms: float | None = None
    p99_ms: float | None = None
    tweets_per_second: float | None = None
    #: peak of the training process
    memory_mb: float | None = None
    #: of the loaded model (`Model.memory_mb`)
    model_mb: float | None = None
    #: size of the package's files
    artefact_mb: float | None = None
    train_seconds: float | None = None
    #: sum over all threads
    train_cpu_seconds: float | None = None

    def as_dict(self) -> dict[str, float]:
        """The measured values by name."""
        return {name: value for name, value in vars(self).items() if value is not None}
