"""Timeline of the champions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sentiment_lib.pages.charts.figure import Chart
from sentiment_lib.pages.charts.spans import Span, spans
from sentiment_lib.storage.leaderboard import Reign

#: Reigns that are drawn.
MOST_REIGNS = 50
#: How a version became champion.
MOVED = {
    "bootstrap": "first champion",
    "promotion": "promoted",
    "forced": "promoted by force",
    "rollback": "rolled back to",
    "restored": "restored",
    "adopted": "adopted",
}


def timeline(reigns: Sequence[Reign], now: datetime) -> Chart | None:
    """Each of the newest champions from its deployment to the next one; None before the first.

    `reigns` beyond MOST_REIGNS are left out, which the title says.
    """
    if not reigns:
        return None
    return spans(
        "Champions over time" if len(reigns) <= MOST_REIGNS else f"The newest {MOST_REIGNS} champions over time",
        [
            Span(
                row=f"version {reign.version} ({reign.family})",
                start=reign.since,
                end=reign.until or now,
                note=MOVED[reign.kind],
            )
            for reign in reigns[-MOST_REIGNS:]
        ],
    )
