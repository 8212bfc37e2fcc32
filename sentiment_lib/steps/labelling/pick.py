"""A tweet assigned to one person for labelling, as that person may see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sentiment_lib.records import LABELS
from sentiment_lib.storage.label_queue import StoredPick


@dataclass(frozen=True, kw_only=True)
class Pick:
    """A tweet assigned to one person; the model's prediction is shown only after the answer."""

    pick_id: int
    tweet_id: int
    #: masked
    text: str
    airline: str | None
    created_at: datetime
    #: "audit", "uncertain", "disagreement" or "second"
    kind: str
    #: "open", "labelled" or "skipped"
    state: str
    label: str | None = None
    predicted: str | None = None
    #: by label, in the order of LABELS
    probabilities: Mapping[str, float] | None = None
    model_version: int | None = None


def from_row(row: StoredPick) -> Pick:
    """The pick, with the prediction once it is labelled."""
    labelled = row.state == "labelled"
    return Pick(
        pick_id=row.pick_id,
        tweet_id=row.tweet_id,
        text=row.text,
        airline=row.airline,
        created_at=row.created_at,
        kind=row.kind,
        state=row.state,
        label=row.label,
        predicted=row.predicted if labelled else None,
        probabilities={str(label): getattr(row, f"p_{label}") for label in LABELS} if labelled else None,
        model_version=row.model_version if labelled else None,
    )
