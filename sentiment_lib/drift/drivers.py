"""What moved, in terms that a person understands: words, airlines, and tweets to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sentiment_lib.statistics import two_sample_tests
from sentiment_lib.text.tokens import words

#: Words that say nothing about a cause.
STOP = frozenset(
    """
    a an and are as at be been but by can do for from get got had has have he her him his how i if in is it its just
    me my no not of on or our out re s she so t that the their them they this to up us was we were what when who will
    with you your user http https rt amp im dont cant u ve ll m d
    """.split()  # noqa: SIM905 (a list of words reads better as a text)
)


def causes(reference: pd.DataFrame, current: pd.DataFrame, *, most: int = 8) -> dict[str, list[dict[str, Any]]]:
    """Words whose share of tweets rose or fell most surely, airlines by what they add, and example tweets.

    `words`: word, before, now. `airlines`: airline, shares of the tweets, negative shares, and `adds`, its part of the
    change of the overall negative share. `examples`: tweet_id, words (needs the column tweet_id).
    """
    moved = _moved(reference, current, most)
    return {
        "words": moved,
        "airlines": _airlines(reference, current),
        "examples": _examples(current, [one["word"] for one in moved if one["now"] > one["before"]]),
    }


def _moved(reference: pd.DataFrame, current: pd.DataFrame, most: int) -> list[dict[str, Any]]:
    sets = [[set(words(text)) - STOP for text in one["text"].fillna("")] for one in (reference, current)]
    found = two_sample_tests.word_shares(sets[0], sets[1])
    sure = [one for one in found if one[3] * len(found) <= 0.05]
    sure.sort(key=lambda one: -abs(one[2] - one[1]))
    return [{"word": word, "before": round(a, 4), "now": round(b, 4)} for word, a, b, _ in sure[:most]]


def _airlines(reference: pd.DataFrame, current: pd.DataFrame) -> list[dict[str, Any]]:
    if any(name not in one for name in ("airline", "label") for one in (reference, current)):
        return []
    sides = [_by_airline(one) for one in (reference, current)]
    rows = []
    for name in sorted(sides[0].keys() | sides[1].keys()):
        (share, bad), (share_now, bad_now) = (side.get(name, (0.0, 0.0)) for side in sides)
        adds = share_now * bad_now - share * bad
        rows.append(
            {
                "airline": name,
                "share": round(share, 4),
                "share_now": round(share_now, 4),
                "negative": round(bad, 4),
                "negative_now": round(bad_now, 4),
                "adds": round(adds, 4),
            }
        )
    return sorted(rows, key=lambda row: -abs(float(str(row["adds"]))))


def _by_airline(frame: pd.DataFrame) -> Mapping[str, tuple[float, float]]:
    scored = frame[frame["label"].notna() & frame["airline"].notna()]
    found = {}
    for name, part in scored.groupby("airline"):
        found[str(name)] = (len(part) / len(scored), float((part["label"] == "negative").mean()))
    return found


def _examples(current: pd.DataFrame, risen: Sequence[str], most: int = 5) -> list[dict[str, Any]]:
    if "tweet_id" not in current or not risen:
        return []
    names = set(risen)
    hits = [
        (sorted(names & set(words(text))), str(one))
        for text, one in zip(current["text"], current["tweet_id"], strict=True)
    ]
    hits.sort(key=lambda hit: (-len(hit[0]), hit[1]))
    return [{"tweet_id": tweet, "words": found} for found, tweet in hits[:most] if found]
