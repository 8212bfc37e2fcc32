"""What a decision's evidence means, in sentences for the one who has to answer.

They read the evidence as it was hashed (parsed canonical JSON), so that what is said is what was decided on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Evidence = Mapping[str, Any]
METRICS = re.compile(r"\b(?:negative_f1|negative_recall|macro_f1|macro_recall|calibration_error)\b")


def summary(evidence: Evidence) -> str:
    """One sentence: the gain on the main metric, its bounds, and what it may have been by luck."""
    main = evidence["comparison"]["main"]
    return (
        f"{words(main['metric'])} {100 * main['difference']:+.1f} points "
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


def words(text: str) -> str:
    """A name or a reason with its metrics as people call them: "negative_f1 +2.0" is "negative F1 +2.0"."""
    return METRICS.sub(lambda found: found[0].replace("_f1", " F1").replace("_", " "), text)
