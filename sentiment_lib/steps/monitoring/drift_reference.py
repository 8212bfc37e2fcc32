"""The reference of a drift check: the same weekday and hours of earlier weeks where there are some, or the days before.

A Saturday differs from the week before it every week. A comparison with earlier Saturdays finds what is new.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import timedelta

import pandas as pd
from sqlalchemy import Connection

from sentiment_lib.drift.copied_share import TextRuns
from sentiment_lib.policy import DriftPolicy
from sentiment_lib.records import Window
from sentiment_lib.settings import Settings
from sentiment_lib.storage import drift_reports as reports

#: Rows read from each window, as a multiple of the sample size: enough for the sample and the vocabulary.
READ_FACTOR = 3
#: Minimum number of earlier weeks with enough tweets at the same weekday and hours.
MIN_WEEKS = 3
#: Minimum size of a past window, relative to the current one, for the comparison of copies.
FULL_RUN = 0.5
WEEKDAYS, DAYS = "weekdays", "days"


@dataclass(frozen=True, kw_only=True)
class ReferenceWindows:
    """Windows of a reference; `kind` is WEEKDAYS or DAYS."""

    kind: str
    windows: tuple[Window, ...]
    #: the days before the current window, whatever the kind
    days_before: Window

    @property
    def span(self) -> Window:
        """From the start of the first window to the end of the last."""
        return Window(start=min(one.start for one in self.windows), end=max(one.end for one in self.windows))


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Rows of both windows."""

    current: pd.DataFrame = field(repr=False)
    reference: pd.DataFrame = field(repr=False)
    #: reference of the signals of predictions
    scored: pd.DataFrame = field(repr=False)
    #: reference of the loss of quality
    quality: pd.DataFrame = field(repr=False)


def choose_windows(connection: Connection, current: Window, policy: DriftPolicy) -> ReferenceWindows:
    """Earlier weeks at the same weekday and hours if MIN_WEEKS of them have enough tweets, else the days before."""
    before = Window(start=current.start - timedelta(days=policy.reference_days), end=current.start)
    weeks = []
    for number in range(1, policy.reference_weeks + 1) if policy.current_days <= 7 else ():
        window = Window(start=current.start - timedelta(weeks=number), end=current.end - timedelta(weeks=number))
        if reports.count_tweets(connection, window, policy.minimum_rows) >= policy.minimum_rows:
            weeks.append(window)
    if len(weeks) >= MIN_WEEKS:
        return ReferenceWindows(kind=WEEKDAYS, windows=tuple(weeks), days_before=before)
    return ReferenceWindows(kind=DAYS, windows=(before,), days_before=before)


def read_frames(
    connection: Connection, reference: ReferenceWindows, current: Window, version: int, settings: Settings
) -> Frames:
    """Rows of the windows; an equal number from each week. `window` tells the parts of a reference apart.

    A champion has few fair predictions, and people few labels, for older weeks: where those do not suffice for their
    comparisons and the days before do, these take the days before as the reference.
    """
    policy = settings.policy.drift
    total = READ_FACTOR * policy.sample_rows

    def read(window: Window, rows: int) -> pd.DataFrame:
        auditors = settings.policy.label.auditors
        return reports.window_rows(connection, window, version, rows=rows, seed=policy.seed, auditors=auditors)

    def read_days_before() -> pd.DataFrame:
        # copies count once in a time as long as the current window
        frame = read(reference.days_before, total)
        age = current.start - pd.to_datetime(frame["created_at"], utc=True)
        return frame.assign(window=age // (current.end - current.start))

    each = math.ceil(total / len(reference.windows))
    before = read_days_before()
    frame = before
    if reference.kind == WEEKDAYS:
        parts = [read(window, each).assign(window=number) for number, window in enumerate(reference.windows)]
        frame = pd.concat(parts, ignore_index=True)
    return Frames(
        current=read(current, total),
        reference=frame,
        scored=_better(frame, before, "p_negative", policy.minimum_rows),
        quality=_better(frame, before, "true_label", policy.minimum_labelled),
    )


def read_runs(connection: Connection, reference: ReferenceWindows, current: Window, policy: DriftPolicy) -> TextRuns:
    """Consecutive tweets of the current window, and of earlier windows of equal length that have enough tweets."""
    now = reports.consecutive_texts(connection, current, policy.sample_rows)
    length = current.end - current.start
    windows = list(reference.windows)
    if reference.kind == DAYS:
        starts = range(1, int(policy.reference_days / policy.current_days) + 1)
        windows = [
            Window(start=current.start - number * length, end=current.end - number * length) for number in starts
        ]
    texts = [reports.consecutive_texts(connection, window, policy.sample_rows)[: len(now)] for window in windows]
    enough = max(policy.minimum_rows, FULL_RUN * len(now))
    return TextRuns(current=now, reference=[run for run in texts if len(run) >= enough])


def _better(frame: pd.DataFrame, other: pd.DataFrame, column: str, enough: int) -> pd.DataFrame:
    """The frame, unless only the other has enough values in the column."""
    few, many = frame[column].notna().sum() < enough, other[column].notna().sum() >= enough
    return other if few and many else frame
