"""Data-quality checks of a batch of tweets: schema, missing values, ranges and duplicates."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from sentiment_lib.text.limits import LONGEST_TEXT

REQUIRED = ("tweet_id", "text", "created_at")


@dataclass(frozen=True, kw_only=True)
class QualityCheck:
    """One expectation: its figure and the bound that it must not exceed."""

    name: str
    figure: float
    bound: float

    @property
    def passed(self) -> bool:
        """Whether the figure is within its bound."""
        return self.figure <= self.bound


def check_batch(frame: pd.DataFrame, *, now: pd.Timestamp) -> tuple[QualityCheck, ...]:
    """All checks of a batch (columns of REQUIRED, and airline); an empty batch passes all but the schema."""
    missing = [name for name in REQUIRED if name not in frame]
    schema = QualityCheck(name="missing columns", figure=len(missing), bound=0)
    if missing or frame.empty:
        return (schema,)
    text = frame["text"].fillna("").astype(str)
    at = pd.to_datetime(frame["created_at"], utc=True, errors="coerce")
    shares = {
        "share without text": (float((text.str.strip() == "").mean()), 0.0),
        "share with an impossible length": (float((text.str.len() > LONGEST_TEXT).mean()), 0.0),
        "share without a time": (float(at.isna().mean()), 0.0),
        "share from the future": (float((at > now).mean()), 0.0),
        "share that repeats an id": (float(frame["tweet_id"].duplicated().mean()), 0.05),
        "share that repeats a text": (float(text.str.lower().duplicated().mean()), 0.3),
    }
    if "airline" in frame:
        shares["share without an airline"] = (float(frame["airline"].isna().mean()), 0.95)
    checks = (QualityCheck(name=name, figure=figure, bound=bound) for name, (figure, bound) in shares.items())
    return (schema, *checks)
