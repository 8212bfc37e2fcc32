"""What a candidate costs to serve; measured by a step, judged by the gate."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Milliseconds for one tweet (99th percentile), megabytes of memory, megabytes on disk; None: not measured."""

    p99_ms: float | None = None
    memory_mb: float | None = None
    artefact_mb: float | None = None
