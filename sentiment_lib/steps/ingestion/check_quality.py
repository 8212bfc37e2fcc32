"""Data-quality checks of newly ingested tweets: a sample, an HTML report and an alert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from sentiment_lib import clock
from sentiment_lib.drift import data_quality
from sentiment_lib.settings import Settings
from sentiment_lib.storage import alerts, tweets
from sentiment_lib.storage.engine import Store

ALERT = "data_quality"
#: Size of the sample: enough for shares of a few percent, at a cost that does not grow with the input.
ROWS = 2_000
PAGE = "quality/newest.html"


@dataclass(frozen=True, kw_only=True)
class QualityCheck:
    """Result of one check."""

    rows: int
    #: failed checks, as text
    failed: tuple[str, ...]
    #: HTML report below the reports folder; None without tweets
    html_path: str | None


def run(
    store: Store, settings: Settings, *, ingest_ids: Sequence[int] | None = None, at: datetime | None = None
) -> QualityCheck:
    """Check the newest tweets of these ingests (None: of all); opens or resolves the alert."""
    from sentiment_lib.drift.evidently_report import write_quality

    now = at or clock.now()
    with store.begin() as connection:
        frame = tweets.newest_frame(connection, rows=ROWS, ingest_ids=ingest_ids)
    if frame.empty:
        return QualityCheck(rows=0, failed=(), html_path=None)
    # clock skew: ingestion accepts tweets up to a day ahead
    checks = data_quality.check_batch(frame, now=pd.Timestamp(now + timedelta(days=1)))
    failed = [f"{check.name}: {check.figure:.3g}, at most {check.bound:.3g}" for check in checks if not check.passed]
    test_results = write_quality(frame, settings.reports / PAGE)
    failed += [name for name, passed in test_results.items() if not passed]
    with store.begin() as connection:
        if failed:
            title = f"{len(failed)} of {len(checks) + len(test_results)} checks of new tweets failed"
            alerts.open_alert(connection, ALERT, "warning", ALERT, title, "\n".join(failed), "/sentiment/quality")
        else:
            alerts.resolve_by_key(connection, ALERT)
    return QualityCheck(rows=len(frame), failed=tuple(failed), html_path=PAGE)
