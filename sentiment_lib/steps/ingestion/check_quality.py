"""Are the tweets that came in fit to learn from? Checks of a sample, a page to look at, and an alert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pandas as pd

from sentiment_lib.drift import data_quality
from sentiment_lib.settings import Settings
from sentiment_lib.storage import alerts, tweets
from sentiment_lib.storage.engine import Store

ALERT = "data_quality"
#: Rows that are looked at: enough for shares of a few percent, and the cost does not grow with the input.
ROWS = 2_000
PAGE = "quality/newest.html"


@dataclass(frozen=True, kw_only=True)
class QualityCheck:
    """What one look found."""

    rows: int
    #: what did not hold, in words
    failed: tuple[str, ...]
    #: page under the reports' folder; none when there was nothing to look at
    html_path: str | None


def run(
    store: Store, settings: Settings, *, ingest_ids: Sequence[int] | None = None, at: datetime | None = None
) -> QualityCheck:
    """Check the newest tweets of these ingests (None: of all); an alert opens, or is resolved."""
    from sentiment_lib.drift.evidently_report import write_quality

    now = at or datetime.now(UTC)
    with store.begin() as connection:
        frame = tweets.newest_frame(connection, rows=ROWS, ingest_ids=ingest_ids)
    if frame.empty:
        return QualityCheck(rows=0, failed=(), html_path=None)
    # clocks differ: ingest lets a tweet be a day ahead
    found = data_quality.check_batch(frame, now=pd.Timestamp(now + timedelta(days=1)))
    failed = [f"{one.name}: {one.figure:.3g}, at most {one.bound:.3g}" for one in found if not one.passed]
    answers = write_quality(frame, settings.reports / PAGE)
    failed += [name for name, good in answers.items() if not good]
    with store.begin() as connection:
        if failed:
            title = f"{len(failed)} of {len(found) + len(answers)} checks of new tweets failed"
            alerts.open_alert(connection, ALERT, "warning", ALERT, title, "\n".join(failed), "/sentiment/quality")
        else:
            alerts.resolve_by_key(connection, ALERT)
    return QualityCheck(rows=len(frame), failed=tuple(failed), html_path=PAGE)
