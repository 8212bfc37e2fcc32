"""What a decision's evidence means, in sentences for the one who has to answer.

They read the evidence as it was hashed (parsed canonical JSON), so that what is said is what was decided on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Evidence = Mapping[str, Any]


def summary(evidence: Evidence) -> str:
    """One sentence: the gain on the main metric, its bounds, and what it may have been by luck."""
    main = evidence["comparison"]["main"]
    return (
        f"{_words(main['metric'])} {100 * main['difference']:+.1f} points "
        f"({100 * main['low']:+.1f} to {100 * main['high']:+.1f}), p = {main['p_value']:.2g} "
        f"of the {main['level']:.2g} that this look may spend."
    )


def costs_of_waiting(evidence: Evidence) -> str:
    """What changes with a promotion, and what more labels would decide."""
    found = evidence["comparison"]
    cells = found["cells"]
    moved = sum(cells[y][a][b] for y in range(3) for a in range(3) for b in range(3) if a != b)
    share = 100 * moved / found["rows"]
    needed = found["labels_needed"]
    labels = ", ".join(f"{name}: {rows:,}" for name, rows in needed.items() if name != "observed" and rows)
    right, wrong = found["mcnemar"]["only_candidate_right"], found["mcnemar"]["only_champion_right"]
    return (
        f"A promotion changes the label of {share:.1f} % of tweets: {right} of these rows become right, {wrong} wrong. "
        f"Labels that a gain needs to be found 4 times in 5: {labels}."
    )


def _words(name: str) -> str:
    return name.replace("_f1", " F1").replace("_", " ")
