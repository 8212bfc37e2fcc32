"""Sample stream: a seeded generator of synthetic airline tweets, to try the platform without data.

Its source is named "sample (synthetic)", and each of its tweets is stored with `synthetic` set. Labels are noisy, as
those of people are, and some sentences are sarcastic.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from sentiment_lib.sources import phrases
from sentiment_lib.sources.base import Row, SourceIdentity
from sentiment_lib.tweet_ids import SNOWFLAKE_EPOCH_MS

NAME = "sample (synthetic)"
SHARES = {"negative": 0.55, "neutral": 0.25, "positive": 0.20}
_USERS = 4_000
#: Most tweets are written in the afternoon.
PEAK = 58_000


@dataclass(frozen=True, kw_only=True)
class Event:
    """A change of the stream from `day` (counted from its start) for `days` days."""

    kind: Literal["storm", "slang", "flip"]
    day: float
    days: float
    #: share of the tweets that it affects
    share: float


#: A storm at the end of the default two weeks, for a first drift report with findings.
STORY = (Event(kind="slang", day=9, days=5, share=0.05), Event(kind="storm", day=13, days=1, share=0.5))


class SampleStream:
    """`per_day` tweets on each of `days` days from `start`; the same arguments give the same rows.

    peak: second of the day around which most tweets are written; None spreads them evenly.
    """

    def __init__(
        self,
        *,
        start: datetime,
        days: int = 14,
        per_day: int = 400,
        seed: int = 1,
        labelled: float = 0.5,
        events: tuple[Event, ...] = STORY,
        peak: int | None = PEAK,
    ) -> None:
        self._peak = peak
        self._start, self._days, self._per_day = start, days, per_day
        self._seed, self._labelled, self._events = seed, labelled, events
        arguments = {
            "start": start.isoformat(),
            "days": days,
            "per_day": per_day,
            "seed": seed,
            "labelled": labelled,
            "events": [asdict(event) for event in events],
        }
        digest = hashlib.sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()
        self.identity = SourceIdentity(name=NAME, digest=digest, synthetic=True)

    def rows(self) -> Iterator[Row]:
        """Rows, oldest first."""
        for day in range(self._days):
            yield from self.rows_of_day(day)

    def rows_of_day(self, day: int, *, after: datetime | None = None, until: datetime | None = None) -> Iterator[Row]:
        """Rows of one day, oldest first, of those only the ones written after `after` and until `until`."""
        # each day has a generator of its own: a longer stream begins with the same tweets
        rng = random.Random(f"{self._seed}/{day}")
        number = day * self._per_day
        for second in sorted(self._second(rng) for _ in range(self._per_day)):
            number += 1
            moment = day + second / 86_400
            row = self._row(rng, number, moment)
            created = self._start + timedelta(days=moment)
            if (after is None or created > after) and (until is None or created <= until):
                yield row

    @staticmethod
    def written_at(tweet_id: int) -> datetime:
        """When the tweet of this id was written, to the millisecond above."""
        return datetime.fromtimestamp(((tweet_id >> 22) + 1 + SNOWFLAKE_EPOCH_MS) / 1000, UTC)

    def _second(self, rng: random.Random) -> float:
        """Second of the day."""
        return rng.uniform(0, 86_399) if self._peak is None else rng.triangular(0, 86_399, self._peak)

    def _row(self, rng: random.Random, number: int, day: float) -> Row:
        created = self._start + timedelta(days=day)
        event = next((e for e in self._events if e.day <= day < e.day + e.days and rng.random() < e.share), None)
        airline = rng.choices(range(len(phrases.HANDLES)), phrases.WEIGHTS)[0]
        label = _label(rng, airline, event)
        language, sentence = _sentence(rng, label, event)
        text = _fill_slots(rng, _compose(rng, sentence, label, language), phrases.HANDLES[airline])
        noisy_label = None
        if rng.random() < self._labelled:
            # label noise: 4 % are redrawn
            noisy_label = label if rng.random() > 0.04 else rng.choice(list(SHARES))
        milliseconds = int(created.timestamp() * 1000) - SNOWFLAKE_EPOCH_MS
        values = {
            "tweet_id": str(milliseconds << 22 | number % (1 << 22)),
            "text": text,
            "author": f"sample_{rng.randrange(_USERS)}",
            "language": language,
            "created_at": created.isoformat(),
            "label": noisy_label,
            "labelled_at": created.isoformat() if noisy_label else None,
        }
        return Row(number, json.dumps(values), **values)


def _label(rng: random.Random, airline: int, event: Event | None) -> str:
    shares = dict(SHARES)
    shares["negative"] *= phrases.SCOLDED[airline]
    if event and event.kind == "storm":
        shares["negative"] *= 3
    return rng.choices(list(shares), list(shares.values()))[0]


def _sentence(rng: random.Random, label: str, event: Event | None) -> tuple[str, str]:
    if event and event.kind == "storm":
        return "en", rng.choice(phrases.STORM[label])
    if event and event.kind == "slang":
        return "en", rng.choice(phrases.SLANG[label])
    if event and event.kind == "flip" and label != "neutral":
        # concept drift: the same words, the opposite label
        return "en", rng.choice(phrases.FLIP if label == "negative" else phrases.SENTENCES["positive"])
    if label == "positive" and rng.random() < 0.08:
        return "en", rng.choice(phrases.FLIP)
    if rng.random() < 0.06:
        return rng.choice(phrases.FOREIGN[label])
    return "en", rng.choice(phrases.SENTENCES[label])


def _compose(rng: random.Random, sentence: str, label: str, language: str) -> str:
    """A sentence with an opener, contexts and a tail, so that few tweets are duplicates."""
    if language != "en":
        return sentence
    parts = [sentence, rng.choice(phrases.CONTEXTS), rng.choice(phrases.CONTEXTS), rng.choice(phrases.TAILS[label])]
    if rng.random() < 0.3:
        parts[0], parts[1] = parts[1], parts[0]
    stop = rng.choice((". ", ", ", " - ", "! ", " ", "... "))
    return rng.choice(phrases.OPENERS) + stop.join(part for part in parts if part)


def _fill_slots(rng: random.Random, sentence: str, handle: str) -> str:
    slots = {name: rng.choice(words) for name, words in phrases.SLOTS.items()}
    text = sentence.format(
        h=handle,
        n=rng.randrange(2, 2400),
        code=f"{rng.randrange(36**4):04X}",
        delay=rng.randrange(2, 9),
        user=f"@traveller{rng.randrange(900)}",
        url=f"https://t.co/{rng.randrange(16**8):08x}",
        **slots,
    )
    style = rng.random()
    if style < 0.08:
        text = text.lower()
    elif style < 0.12:
        text = text.upper()
    if rng.random() < 0.1:
        text += f" https://t.co/{rng.randrange(16**8):08x}"
    return " ".join(text.split())
