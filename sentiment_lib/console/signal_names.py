"""Names of drift signals for readers: "share of negative tweets" instead of "predicted_label, negative"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMES = {
    "p_negative": "probability of negative",
    "p_neutral": "probability of neutral",
    "p_positive": "probability of positive",
    "confidence": "confidence of predictions",
    "label": "predicted classes",
    "predicted_label": "predicted classes",
    "words": "words",
    "new_words": "new words",
    "unknown_share": "share of unknown words",
    "upper_share": "share of capital letters",
    "urls": "links",
    "mentions": "mentions",
    "hashtags": "hashtags",
    "emoji": "emoji",
    "negations": "negations",
    "questions": "question marks",
    "exclamations": "exclamation marks",
    "elongations": "stretched words",
    "length": "length in characters",
    "airline": "airlines",
    "language": "languages",
    "wrong": "share of wrong predictions",
    "repeats": "repeated texts",
}
#: Signals that count something in a tweet; their value is the count whose share changed most.
COUNTS = frozenset({"urls", "mentions", "hashtags", "emoji", "negations", "questions", "exclamations", "elongations"})


def signal_name(signal: Mapping[str, Any]) -> str:
    """The name of a signal of a report, with the value that changed most."""
    name, what = str(signal["signal"]), signal.get("what")
    if name == "wrong" or what is None or what == "":
        return NAMES.get(name, name.replace("_", " "))
    if name in ("label", "predicted_label"):
        return f"share of {what} tweets"
    if name in ("airline", "language"):
        return f"share of tweets with {name} {what}"
    if name in COUNTS:
        return f"share of tweets with {'no' if str(what) == '0' else what} {NAMES[name]}"
    return f"{NAMES.get(name, name.replace('_', ' '))}: {what}"
