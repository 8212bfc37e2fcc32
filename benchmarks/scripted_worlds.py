"""Invented histories whose truth is known: what changes in them, when, and whether a retrain can bring anything.

A text has words that tell its class and words that do not. In a world that stands still there are few telling words,
so that the first day's labels teach all that can be learned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from sentiment_lib.replay.history import History

DAYS, ROWS = 12, 400
START = datetime(2026, 1, 1, tzinfo=UTC)
SHARES = (0.6, 0.22, 0.18)
#: Telling words and others of a text; how many of the first are of its own class, on average.
TELLING, FILLING, TRUE = 3, 5, 0.75
#: Words of a class in a world that stands still, and in one whose first day does not show them all.
FEW, MANY = 6, 300


@dataclass(frozen=True, kw_only=True)
class Day:
    """What one day of a world is like."""

    rows: int = ROWS
    #: first word of each class that is in use, and how many are
    first: int = 0
    words: int = FEW
    #: negative and positive words have changed places
    is_flipped: bool = False
    #: share of labels that are drawn at random
    noise: float = 0.0
    #: share of tweets that are copies of one text
    bots: float = 0.0


@dataclass(frozen=True, kw_only=True)
class World:
    """A kind of world; `stands_still`: no retrain can bring anything, so that never is the best policy."""

    name: str
    day: Callable[[int], Day]
    stands_still: bool


WORLDS: tuple[World, ...] = (
    World(name="no drift", day=lambda _: Day(), stands_still=True),
    World(name="label-noise burst", day=lambda day: Day(noise=0.4 if day in (4, 5) else 0.0), stands_still=True),
    World(name="bot flood", day=lambda day: Day(bots=0.5 if day in (5, 6, 7) else 0.0), stands_still=True),
    World(name="slow drift", day=lambda day: Day(first=day, words=2 * FEW), stands_still=False),
    World(name="abrupt drift", day=lambda day: Day(first=0 if day < 5 else FEW), stands_still=False),
    World(name="season", day=lambda day: Day(first=day // 2 % 2 * FEW), stands_still=False),
    World(name="meaning flip", day=lambda day: Day(is_flipped=day >= 5), stands_still=False),
    World(name="growing volume", day=lambda day: Day(rows=200 + 80 * day, words=MANY), stands_still=False),
)


def history(world: World, seed: int) -> History:
    """The labelled tweets of one draw of this world, DAYS days long."""
    random = np.random.default_rng([20260101, seed])
    texts, labels, times = list[str](), list[int](), list[datetime]()
    for number in range(DAYS):
        day = world.day(number)
        drawn = random.choice(len(SHARES), size=day.rows, p=SHARES)
        for place, label in enumerate(drawn.tolist()):
            text = _text(label, day, random)
            if random.random() < day.bots:
                label, text = 0, " ".join(_word(0, word) for word in range(TELLING))
            if random.random() < day.noise:
                label = int(random.integers(len(SHARES)))
            texts.append(text)
            labels.append(label)
            times.append(START + timedelta(days=number + place / day.rows))
    frame = pd.DataFrame(
        {
            "tweet_id": np.arange(len(texts)) + 1,
            "text": texts,
            "created_at": times,
            "label": labels,
            "airline": None,
            "language": "en",
        }
    )
    return History.from_frame(f"{world.name} {seed}", frame)


def _text(label: int, day: Day, random: np.random.Generator) -> str:
    shown = (2, 1, 0)[label] if day.is_flipped else label
    telling = [
        _word(shown if random.random() < TRUE else int(random.integers(3)), day.first + int(random.integers(day.words)))
        for _ in range(TELLING)
    ]
    # few of them: a text that shares most of its words with another is no copy of it
    filling = [f"x{random.integers(2000)}" for _ in range(FILLING)]
    return " ".join(_shuffled([*telling, *filling], random))


def _word(shown: int, number: int) -> str:
    return f"{('bad', 'gate', 'good')[shown]}{number}"


def _shuffled(words: Sequence[str], random: np.random.Generator) -> list[str]:
    return [words[place] for place in random.permutation(len(words))]
