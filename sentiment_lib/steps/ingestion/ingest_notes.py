"""Notes on an ingest: the most frequent reasons why rows were refused and cells could not be read."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Sequence

from sentiment_lib.steps.ingestion.batch_validation import Batch

log = logging.getLogger(__name__)
#: A larger share of refused rows is logged at once, after at least MIN_ROWS rows.
MAX_REFUSED_SHARE, MIN_ROWS = 0.05, 20
#: Maximum number of distinct reasons that are listed; the others are only counted.
MAX_NAMED = 20
_MAX_DISTINCT = 1_000
_VALUES = re.compile(r"'(?:[^'\\]|\\.)*'|\"[^\"]*\"|\d+")
_LABEL_HINT = "say what such labels mean with --map-label WRITTEN=LABEL, or WRITTEN= for none"


class IngestNotes:
    """Collects reasons over the batches of one ingest."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._received = self._refused = 0
        self._reasons: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._problems: Counter[str] = Counter()
        self._warned = False

    def add(self, batch: Batch) -> None:
        """Count a batch; logs a warning when too large a share was refused."""
        self._received += batch.received
        self._refused += len(batch.bad)
        for number, reason, _ in batch.bad:
            kind = _VALUES.sub("…", reason)
            self._reasons[kind] += 1
            self._examples.setdefault(kind, f"{reason} (row {number})")
        for _, problem in batch.problems:
            key = problem if problem in self._problems or len(self._problems) < _MAX_DISTINCT else "others"
            self._problems[key] += 1
        if not self._warned and self._too_many_refused():
            self._warned = True
            log.warning("%s: %s", self._source, self.refused())

    def _too_many_refused(self) -> bool:
        return self._received >= MIN_ROWS and self._refused > MAX_REFUSED_SHARE * self._received

    def refuses_most(self, rows: int) -> bool:
        """Whether more than so many rows were refused, and more than half of all."""
        return self._refused > max(rows, self._received // 2)

    def refused(self) -> str:
        """How many rows were refused, and the most frequent reason."""
        if not self._reasons:
            return "no row was refused"
        kind, count = self._reasons.most_common(1)[0]
        share = f"{self._refused} of {self._received} rows were refused"
        often = "" if count == self._refused else f" {count} times"
        return f"{share},{often} because {self._examples[kind]}"

    def most_frequent_reason(self) -> str:
        """The most frequent reason with its first row; empty when no row was refused."""
        return self._examples[self._reasons.most_common(1)[0][0]] if self._reasons else ""

    def lines(self) -> Sequence[str]:
        """The notes, one sentence each, refused rows first."""
        lines = [self.refused()] if self._reasons else []
        for problem, count in self._problems.most_common(MAX_NAMED):
            lines.append(f"{problem}{f' ({count} rows)' if count > 1 else ''}")
        if (remaining := sum(self._problems.values()) - sum(n for _, n in self._problems.most_common(MAX_NAMED))) > 0:
            lines.append(f"{remaining} more optional cells could not be read")
        if any("the label " in problem for problem in self._problems):
            lines.append(_LABEL_HINT)
        return lines
