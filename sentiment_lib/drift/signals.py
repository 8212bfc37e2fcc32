"""Drift signals: features of a tweet that can drift, from its text and from the champion's prediction.

Text is masked already (mentions `@user`, URLs `http`), so signals count tokens and identify nobody.
"""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from sentiment_lib.text.tokens import words

#: Continuous signals, compared by the Kolmogorov-Smirnov test.
CONTINUOUS = ("p_negative", "p_neutral", "p_positive", "confidence", "length", "upper_share", "unknown_share")
#: Counts and categories, compared by the chi-square test.
DISCRETE = (
    "wrong",
    "predicted_label",
    "airline",
    "language",
    "mentions",
    "hashtags",
    "urls",
    "emoji",
    "elongations",
    "exclamations",
    "questions",
    "negations",
)
#: Signals of labelled rows only; a smaller number of rows suffices for their tests.
SPARSE = ("wrong",)
#: Signals that depend on the champion; the others are properties of the tweets.
OF_PREDICTIONS = ("p_negative", "p_neutral", "p_positive", "confidence", "wrong", "predicted_label")
PROBABILITIES = ("p_negative", "p_neutral", "p_positive")
#: Counts at or above this are one class.
MAX_COUNT = 4

_COUNTS = {
    "mentions": r"@\w",
    "hashtags": r"#\w",
    "urls": r"https?\b",
    "emoji": r"[\U0001F300-\U0001FAFF\u2600-\u27BF]",
    "elongations": r"([^\W\d_])\1\1",
    "exclamations": r"!",
    "questions": r"\?",
    "negations": r"(?i)\b(?:not|no|never|none|cannot|without)\b|n['’]t\b",
}


def value_text(signal: str, value: float | None) -> str:
    """A signal's value in a window for readers: the mean length in characters, all others shares in per cent."""
    if value is None:
        return "–"
    return f"{value:.1f} characters" if signal == "length" else f"{100 * value:.1f} %"


def compute_signals(frame: pd.DataFrame, vocabulary: Collection[str] | None = None) -> pd.DataFrame:
    """One row of signals for each row of `frame`, with the same index.

    `frame` has the column text, and any of p_negative, p_neutral, p_positive, predicted_label, airline, language and
    true_label (mostly missing). A tweet that is not scored has missing probabilities. `unknown_share`, the share of
    words outside `vocabulary`, needs a vocabulary.
    """
    text = frame["text"].fillna("").astype(str)
    out = pd.DataFrame(index=frame.index)
    if all(name in frame for name in PROBABILITIES):
        for name in PROBABILITIES:
            out[name] = frame[name].astype(float)
        out["confidence"] = out[list(PROBABILITIES)].max(axis=1)
    out["length"] = text.str.len().astype(float)
    letters = text.str.count(r"[^\W\d_]").clip(lower=1)
    out["upper_share"] = text.str.count(r"[A-Z]") / letters
    if vocabulary is not None:
        known_words = vocabulary if isinstance(vocabulary, set | frozenset) else frozenset(vocabulary)
        out["unknown_share"] = [_share_outside(words(value), known_words) for value in text]
    for name in ("predicted_label", "airline", "language"):
        if name in frame:
            out[name] = frame[name].astype(object).where(frame[name].notna(), "none").astype(str)
    if "predicted_label" in out and "p_negative" in out:
        out["predicted_label"] = out["predicted_label"].where(out["p_negative"].notna(), None)
    if "true_label" in frame and "predicted_label" in frame:
        wrong = (frame["true_label"] != frame["predicted_label"]).astype(object)
        out["wrong"] = wrong.where(frame["true_label"].notna() & frame["predicted_label"].notna(), None)
    for name, pattern in _COUNTS.items():
        out[name] = text.str.count(pattern).clip(upper=MAX_COUNT).astype(int)
    return out


def repetition_key(texts: pd.Series) -> pd.Series:
    """Each text in lower case without URLs and non-letters: equal for repeats."""
    return texts.fillna("").str.lower().str.replace(r"https?\S*|[\W\d_]+", "", regex=True)


def _share_outside(tokens: list[str], vocabulary: Collection[str]) -> float:
    return sum(word not in vocabulary for word in tokens) / len(tokens) if tokens else 0.0
