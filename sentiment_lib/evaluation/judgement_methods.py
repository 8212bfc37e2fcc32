"""Versions of the evaluation method: a recorded decision is replayed under the method that it was made with.

Method 1 judges on every holdout row, each slice at the guard level, and holds where a loss on a slice cannot be ruled
out. Method 2 prefers the random audit sample (`choose_rows`), divides the guard level among the slices, and a slice
blocks only when a loss beyond its margin is significant. Method 3 has an aim (`aims`), takes its level from the rows of
the look and the number of candidates (`look_budget`), and judges the guard metrics at this level too. Method 4 holds a
refresh for a guard metric only where it was seen to lose more than the margin. It tests margins by a null that has the
loss (`margin_test`), where method 3 shifts one without it or relies on the bootstrap bound alone. Method 5 tests the
guard metrics of a refresh again, against the margin that its rows can decide. Under method 6 looks at promising
candidates do not count against looks on other rows (`look_budget`). Method 7 tests the main metric also under the
likeliest null with the loss (`likely_null`), which gives rows to kinds of losses that the sample happens not to have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.policy import GatePolicy

FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH, NEWEST = 1, 2, 3, 4, 5, 6, 7
#: `label_source` of rows that were drawn at random from the stream.
AUDIT = "audit"
#: `label_source` of imported rows whose importer declared a random draw (`labels import --drawn-with`).
DECLARED = "declared"
#: Settings of the gate's policy by the method that introduced them; evidence of an earlier one leaves them out.
LATER_RULES = {
    SECOND: {"minimum_audit_rows"},
    THIRD: {"refresh_margin", "budget_rows"},
    FIFTH: {"refresh_guard_margin"},
    SIXTH: {"promising_p_value"},
}


@dataclass(frozen=True, kw_only=True)
class JudgedSample:
    """The evaluated holdout rows by origin: random audit sample or data sets."""

    #: "audit": random draws of the stream; "mixed": too few of those, and rows of data sets; "dataset": none of those
    kind: str
    audit_rows: int
    dataset_rows: int

    @property
    def text(self) -> str:
        """The origin of the rows, in a sentence or two for the approver."""
        if self.kind == AUDIT:
            return (
                "All are random draws of the stream; "
                f"{self.dataset_rows:,} rows of data sets and declared samples were not used."
            )
        if self.kind == "mixed":
            return (
                f"Only {self.audit_rows:,} are random draws of the stream, too few to judge alone; "
                f"{self.dataset_rows:,} come from data sets or declared samples, which may differ."
                " Each part is a slice of its own."
            )
        return "All come from data sets or declared samples: none is a random draw of the stream by the platform."


def later_rules(method: int) -> set[str]:
    """Settings of the gate's policy that a method does not have."""
    return {name for since, names in LATER_RULES.items() if since > method for name in names}


def choose_rows(sources: Sequence[str], policy: GatePolicy) -> tuple[NDArray[np.bool_], JudgedSample]:
    """Mask (n,) of the rows to evaluate, by label source (n,): only the audit sample when it is large enough.

    The minimum is `policy.minimum_audit_rows`. All audit rows have one inclusion probability
    (`holdout_split.split`).
    """
    is_audit = np.array([source == AUDIT for source in sources], dtype=np.bool_)
    audit, others = int(is_audit.sum()), int((~is_audit).sum())
    enough = audit >= policy.minimum_audit_rows
    kind = AUDIT if enough else "mixed" if audit else "dataset"
    return is_audit if enough else np.ones_like(is_audit), JudgedSample(
        kind=kind, audit_rows=audit, dataset_rows=others
    )


def source_slices(sources: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
    """A slice mask (n,) for each label source; empty when there is only one source."""
    names = sorted(set(sources))
    if len(names) < 2:
        return {}
    return {f"labels {name}": np.array([source == name for source in sources], dtype=np.bool_) for name in names}
