"""Drivers of a drift: the words and airlines that changed most, and example tweets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sentiment_lib.statistics import two_sample_tests
from sentiment_lib.text.tokens import words

#: Stop words, left out because they explain no drift.
STOP_WORDS = frozenset(
    """
    a an and are as at be been but by can do for from get got had has have he her him his how i if in is it its just
    me my no not of on or our out re s she so t that the their them they this to up us was we were what when who will
    with you your user http https rt amp im dont cant u ve ll m d
    """.split()  # noqa: SIM905 (a list of words reads better as a text)
)
#: Family-wise error rate at which a word counts as changed.
LEVEL = 0.05


def find_drivers(reference: pd.DataFrame, current: pd.DataFrame, *, most: int = 8) -> dict[str, list[dict[str, Any]]]:
    """Words whose share of tweets changed significantly, airlines by their contribution, and example tweets.

    Columns: text, and any of airline, predicted_label and tweet_id. `words`: word, before, now (at most `most`).
    `airlines`: airline, its share of the tweets and its negative share in both windows, and `adds`, its contribution to
    the change of the overall negative share. `examples`: tweet_id and the risen words that it contains.
    """
    changed = _changed_words(reference, current, most)
    return {
        "words": changed,
        "airlines": _airlines(reference, current),
        "examples": _examples(current, [row["word"] for row in changed if row["now"] > row["before"]]),
    }


def _changed_words(reference: pd.DataFrame, current: pd.DataFrame, most: int) -> list[dict[str, Any]]:
    sets = [[set(words(text)) - STOP_WORDS for text in side["text"].fillna("")] for side in (reference, current)]
    shares = two_sample_tests.word_shares(sets[0], sets[1])
    significant = [row for row in shares if row[3] * len(shares) <= LEVEL]
    significant.sort(key=lambda row: -abs(row[2] - row[1]))
    return [
        {"word": word, "before": round(before, 4), "now": round(now, 4)} for word, before, now, _ in significant[:most]
    ]


def _airlines(reference: pd.DataFrame, current: pd.DataFrame) -> list[dict[str, Any]]:
    if any(name not in side for name in ("airline", "predicted_label") for side in (reference, current)):
        return []
    sides = [_by_airline(side) for side in (reference, current)]
    rows = []
    for name in sorted(sides[0].keys() | sides[1].keys()):
        (share, negative), (share_now, negative_now) = (side.get(name, (0.0, 0.0)) for side in sides)
        rows.append(
            {
                "airline": name,
                "share": round(share, 4),
                "share_now": round(share_now, 4),
                "negative": round(negative, 4),
                "negative_now": round(negative_now, 4),
                "adds": round(share_now * negative_now - share * negative, 4),
            }
        )
    return sorted(rows, key=lambda row: -abs(float(str(row["adds"]))))


def _by_airline(frame: pd.DataFrame) -> Mapping[str, tuple[float, float]]:
    """Airline -> (share of the scored tweets, share of its tweets predicted negative)."""
    scored = frame[frame["predicted_label"].notna() & frame["airline"].notna()]
    return {
        str(name): (len(part) / len(scored), float((part["predicted_label"] == "negative").mean()))
        for name, part in scored.groupby("airline")
    }


def _examples(current: pd.DataFrame, risen: Sequence[str], most: int = 5) -> list[dict[str, Any]]:
    """Tweets that contain the most risen words."""
    if "tweet_id" not in current or not risen:
        return []
    names = set(risen)
    matches = [
        (sorted(names & set(words(text))), str(tweet_id))
        for text, tweet_id in zip(current["text"], current["tweet_id"], strict=True)
    ]
    matches.sort(key=lambda match: (-len(match[0]), match[1]))
    return [{"tweet_id": tweet_id, "words": held} for held, tweet_id in matches[:most] if held]
