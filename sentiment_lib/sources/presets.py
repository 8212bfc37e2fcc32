"""Presets: which column of a file means what, for data sets with a known form."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from sentiment_lib.errors import BadInput, did_you_mean
from sentiment_lib.sources.values import LABEL_NAMES, pacific_to_iso

FIELDS = (
    "tweet_id",
    "text",
    "author",
    "language",
    "airline",
    "created_at",
    "label",
    "confidence",
    "labelled_at",
    "labelled_by",
)
#: Likely columns of a field under another name; suggested in errors, never used.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "tweet_id": ("id", "id_str", "status_id", "tweetid"),
    "text": ("full_text", "tweet", "content", "message", "body", "tweet_text"),
    "created_at": (
        "date",
        "time",
        "timestamp",
        "created",
        "tweet_created",
        "created_at_utc",
        "posted_time",
        "posted",
        "posted_at",
        "published",
    ),
    "label": ("sentiment", "airline_sentiment", "polarity", "class", "target", "annotation"),
}
#: CrowdFlower's own row id. Its airline file has gone through a spreadsheet, which cut the tweet ids and the zones.
UNIT_ID = "_unit_id"
UNIT_ID_ADVICE = (
    "its tweets can be read by their row ids, with --column tweet_id=_unit_id --zone America/Los_Angeles "
    "--date-format '%m/%d/%Y %H:%M' (%y for years of two digits)"
)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Field → column, and how this data set writes its values."""

    columns: Mapping[str, str]
    #: label as written (lower case) → label; "" for one that is left out
    labels: Mapping[str, str] = field(default_factory=dict)
    #: fields that every row must have
    required: tuple[str, ...] = ("tweet_id", "text", "created_at")
    #: column names of files without a header, by their number of columns
    headers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    #: applied to dates and texts as written
    date: Callable[[str], str] | None = None
    text: Callable[[str], str] | None = None
    #: the date is computed from the id where the file has none
    date_from_id: bool = False


_ESCAPE = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")


def _unescape_semeval(text: str) -> str:
    r"""SemEval's files hold \uXXXX escapes, and "Not Available" for tweets that were deleted."""
    if text == "Not Available":
        return ""
    if "\\u" not in text:
        return text

    def characters(match: re.Match[str]) -> str:
        units = bytes.fromhex(match.group().replace("\\u", ""))
        return units.decode("utf-16-be", "replace")

    return _ESCAPE.sub(characters, text)


PRESETS: Mapping[str, Preset] = {
    "plain": Preset(columns={name: name for name in FIELDS}),
    # CrowdFlower's airline tweets, as published there (airline_sentiment:confidence) or elsewhere (with _)
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
    # SemEval, Sentiment Analysis in Twitter, subtask A: tab-separated without a header and without dates
    "semeval": Preset(
        columns={"tweet_id": "tweet_id", "text": "text", "created_at": "created_at_utc", "label": "label"},
        labels={"objective": "neutral", "objective-or-neutral": "neutral"},
        required=("tweet_id", "text"),
        headers={3: ("tweet_id", "label", "text"), 4: ("tweet_id", "user_id", "label", "text")},
        text=_unescape_semeval,
        date_from_id=True,
    ),
    # as published: no header, dates in Pacific time
    "sentiment140": Preset(
        columns={
            "tweet_id": "id",
            "text": "text",
            "author": "user",
            "created_at": "created_at_utc",
            "label": "polarity",
        },
        labels={"0": "negative", "2": "neutral", "4": "positive"},
        headers={6: ("polarity", "id", "created_at_utc", "query", "user", "text")},
        date=pacific_to_iso,
    ),
    # labels of tweets that are stored already: `sentiment label import`, and the folder landing/labels
    "labels": Preset(
        columns={name: name for name in ("tweet_id", "label", "confidence", "labelled_at", "labelled_by")},
        required=("tweet_id", "label"),
    ),
}


def preset(name: str, columns: Mapping[str, str] | None = None, labels: Mapping[str, str] | None = None) -> Preset:
    """The named preset, with single columns (field → column) and labels (as written → label) replaced.

    Raises BadInput for an unknown preset, field or label.
    """
    if name not in PRESETS:
        names = [known for known in PRESETS if known != "labels"]
        raise BadInput(what=f"preset {name!r}", problem=f"choose from {', '.join(names)}.{did_you_mean(name, names)}")
    base = PRESETS[name]
    if unknown := sorted(set(columns or {}) - set(FIELDS)):
        problem = f"choose from {', '.join(FIELDS)}.{did_you_mean(unknown[0], FIELDS)}"
        raise BadInput(what=f"column mapping {unknown[0]!r}", problem=problem)
    for written, label in (labels or {}).items():
        if label and label not in LABEL_NAMES:
            labels_text = ", ".join(sorted(LABEL_NAMES))
            raise BadInput(what=f"--map-label {written}={label}", problem=f"choose from {labels_text}, or nothing")
    return replace(
        base,
        columns={**base.columns, **(columns or {})},
        labels={**base.labels, **{written.casefold(): label for written, label in (labels or {}).items()}},
    )
