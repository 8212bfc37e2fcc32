"""Which column means what, for files whose form is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sentiment_lib.errors import BadInput

FIELDS = ("tweet_id", "text", "author", "language", "airline", "created_at", "label", "confidence", "labelled_at")


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Field of a row → column of the file, and label as written → label."""

    columns: Mapping[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)
    #: fields without which a row says nothing
    required: tuple[str, ...] = ("tweet_id", "text", "created_at")


PRESETS: Mapping[str, Preset] = {
    "plain": Preset(columns={name: name for name in FIELDS}),
    "airline": Preset(
        columns={
            "tweet_id": "tweet_id",
            "text": "text",
            "author": "name",
            "airline": "airline",
            "created_at": "tweet_created",
            "label": "airline_sentiment",
            "confidence": "airline_sentiment_confidence",
        }
    ),
    "semeval": Preset(
        columns={"tweet_id": "tweet_id", "text": "text", "created_at": "created_at_utc", "label": "label"}
    ),
    "sentiment140": Preset(
        columns={
            "tweet_id": "id",
            "text": "text",
            "author": "user",
            "created_at": "created_at_utc",
            "label": "polarity",
        },
        labels={"0": "negative", "2": "neutral", "4": "positive"},
    ),
    # answers to tweets that are stored already, from another tool: `sentiment label import`
    "labels": Preset(
        columns={name: name for name in ("tweet_id", "label", "confidence", "labelled_at")},
        required=("tweet_id", "label"),
    ),
}


def preset(name: str, columns: Mapping[str, str] | None = None) -> Preset:
    """The named preset, with single columns replaced by those given (field → column)."""
    if name not in PRESETS:
        raise BadInput(what=f"preset {name!r}", problem=f"choose from {', '.join(PRESETS)}")
    if not columns:
        return PRESETS[name]
    if unknown := set(columns) - set(FIELDS):
        raise BadInput(what=f"column mapping {sorted(unknown)[0]!r}", problem=f"choose from {', '.join(FIELDS)}")
    known = PRESETS[name]
    return Preset(columns={**known.columns, **columns}, labels=known.labels, required=known.required)
