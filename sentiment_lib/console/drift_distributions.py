"""Pictures of a drift report: current against reference distributions, and the words that changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentiment_lib.pages.charts.figure import Chart
from sentiment_lib.pages.charts.paired_bars import Pair, paired_bars

NAMES = ("reference", "current")
#: Distribution of a report -> title, what its values are, and whether they are words.
PICTURES = {
    "labels": ("Predicted classes", "class", False),
    "airlines": ("Airlines", "airline", True),
    "confidence": ("Confidence of predictions", "probability, up to", False),
    "length": ("Length", "characters, up to", False),
}


def charts(details: Mapping[str, Any]) -> list[Chart]:
    """A picture for each distribution that the report holds, and one of the words with the largest change."""
    words = details.get("causes", {}).get("words", ())
    pictures = []
    if words:
        pairs = [Pair(value=row["word"], first=row["before"], second=row["now"]) for row in words]
        pictures.append(paired_bars("Words that changed most", pairs, names=NAMES, axis="word", across=True))
    for name, (title, axis, across) in PICTURES.items():
        rows = details.get("distributions", {}).get(name, ())
        pairs = [Pair(value=row["value"], first=row["before"], second=row["now"]) for row in rows]
        if pairs:
            pictures.append(paired_bars(title, pairs, names=NAMES, axis=axis, across=across))
    return pictures
