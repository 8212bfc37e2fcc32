"""Agreement of label sources: audit sample, people, data sets and feedback, two by two."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from sentiment_lib.evaluation.agreement import Agreement, measure_agreement
from sentiment_lib.storage import label_counts

#: Maximum number of labels, the newest, that are searched for tweets of two sources.
NEWEST_LABELS = 20_000
#: Sources by name, as shown.
NAMES = {"audit": "audit sample", "person": "people", "dataset": "data sets", "feedback": "feedback"}


@dataclass(frozen=True, kw_only=True)
class SourceAgreement:
    """Agreement of the labels that two sources gave the same tweets, each by another author."""

    first: str
    second: str
    agreement: Agreement

    @property
    def text(self) -> str:
        """One line: "audit sample and feedback: kappa 0.71 (0.60 to 0.80), 84 % equal, on 120 tweets"."""
        found, names = self.agreement, f"{NAMES.get(self.first, self.first)} and {NAMES.get(self.second, self.second)}"
        equal = f"{100 * (found.share or 0):.0f} % equal, on {found.pairs:,} tweets"
        if found.kappa is None or found.interval is None:
            return f"{names}: {equal}; too few for kappa"
        low, high = found.interval
        return f"{names}: kappa {found.kappa:.2f} ({low:.2f} to {high:.2f}), {equal}"


def run(connection: Connection) -> tuple[SourceAgreement, ...]:
    """Every pair of sources that labelled the same tweets, the one with the most tweets first."""
    pairs = label_counts.source_pairs(connection, NEWEST_LABELS)
    ordered = sorted(pairs.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(
        SourceAgreement(first=first, second=second, agreement=measure_agreement(labels))
        for (first, second), labels in ordered
    )
