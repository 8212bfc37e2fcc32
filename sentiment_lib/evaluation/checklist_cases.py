"""Cases of the CheckList tests, generated from templates; all texts were written for this project."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

NEGATIVE, NEUTRAL, POSITIVE = 0, 1, 2

AIRLINES = ("@united", "@AmericanAir", "@SouthwestAir", "@JetBlue", "@USAirways", "@VirginAmerica")
PRAISE = (
    "thank you for the great flight today",
    "the crew was wonderful and very kind",
    "I love flying with you",
    "best customer service I have ever had",
    "your gate agent was amazing, thanks so much",
    "smooth flight, friendly staff, happy customer",
    "you guys are awesome",
    "excellent service on my flight this morning",
)
COMPLAINTS = (
    "you lost my bag again",
    "worst customer service I have ever had",
    "my flight was delayed for three hours and nobody helped us",
    "I have been on hold for two hours, this is ridiculous",
    "the staff was rude and the plane was dirty",
    "terrible flight, I will never fly with you again",
    "still waiting for my refund, horrible experience",
    "your website is broken and your agents hung up on me",
)
QUESTIONS = (
    "what time does flight 22 leave from Boston?",
    "do you fly from Denver to Austin?",
    "how many bags can I check on an international flight?",
    "which terminal do I go to for flight 310?",
    "I am flying to Chicago on Tuesday",
    "can I change my seat online?",
    "is there wifi on the flight to Seattle?",
    "I sent you a DM with my confirmation number",
)
#: Texts with an apostrophe, which phones and word processors write in another way.
CONTRACTIONS = (
    "my bag isn't here and you don't answer",
    "the crew wasn't helpful at all",
    "I can't believe how good this flight was",
    "it's the best airline, you won't regret it",
    "aren't there any seats left on flight 22?",
    "I haven't got my confirmation number yet",
)
APOSTROPHES = ("\u2019", "\u02bc", "\uff07")
NAMES = ("Anna", "Omar", "Wei", "Priya", "Carlos", "Ivan")
#: (good word, bad word)
GOOD = ("good", "great", "helpful", "friendly", "amazing", "wonderful", "excellent", "nice")
BAD = ("bad", "terrible", "horrible", "awful", "rude")
#: sentiment words: a typo in one of them may change the label
FEELINGS = frozenset(
    (*GOOD, *BAD, "thank", "thanks", "love", "best", "awesome", "happy", "smooth", "kind", "worst", "ridiculous")
) | {"lost", "delayed", "dirty", "broken", "never", "nobody", "hung", "waiting"}
THINGS = ("the flight", "the crew", "your service", "the staff")


@dataclass(frozen=True)
class Case:
    """One expectation about one or two texts."""

    kind: str
    capability: str
    text: str
    #: the changed text, for invariance and direction
    changed: str | None = None
    #: the expected label (minimum functionality), or the class whose probability changes (direction)
    label: int | None = None
    #: +1: the probability of `label` must rise; 0: it must not fall; -1: it must fall
    direction: int = 0


def cases() -> tuple[Case, ...]:
    """Every case, always in the same order."""
    return (*_plain(), *_invariant(), *_directional())


def _plain() -> Iterator[Case]:
    for name, texts, label in (
        ("praise", PRAISE, POSITIVE),
        ("complaint", COMPLAINTS, NEGATIVE),
        ("question or statement", QUESTIONS, NEUTRAL),
    ):
        for text, airline in product(texts, AIRLINES[:4]):
            yield Case("minimum functionality", name, f"{airline} {text}", label=label)
    for thing, word in product(THINGS, BAD):
        yield Case("minimum functionality", "bad word", f"{thing} was {word}", label=NEGATIVE)
    for thing, word in product(THINGS, GOOD[:6]):
        yield Case("minimum functionality", "good word", f"{thing} was {word}", label=POSITIVE)


def _invariant() -> Iterator[Case]:
    texts = (*PRAISE, *COMPLAINTS, *QUESTIONS)
    for number, text in enumerate(texts):
        first = AIRLINES[number % len(AIRLINES)]
        whole = f"{first} {text}"
        for step in (1, 2, 3):
            other = AIRLINES[(number + step) % len(AIRLINES)]
            yield Case("invariance", "airline", whole, f"{other} {text}")
        yield Case("invariance", "URL", whole, f"{whole} http")
        yield Case("invariance", "typo", whole, f"{first} {mistyped(text)}")
        yield Case("invariance", "case", whole, f"{first} {text.lower()}")
        yield Case("invariance", "case", whole, f"{first} {text.capitalize()}.")
        for step in (0, 3):
            name, another = NAMES[(number + step) % 6], NAMES[(number + step + 1) % 6]
            yield Case("invariance", "name", f"{first} {name} here, {text}", f"{first} {another} here, {text}")
    for text, apostrophe in product(CONTRACTIONS, APOSTROPHES):
        yield Case("invariance", "apostrophe", text, text.replace("'", apostrophe))


def _directional() -> Iterator[Case]:
    for thing, word in product(THINGS, GOOD):
        plain = f"{thing} was {word}"
        yield Case("direction", "negation", plain, f"{thing} was not {word}", label=POSITIVE, direction=-1)
        yield Case("direction", "intensity", plain, f"{thing} was very {word}", label=POSITIVE)
        yield Case("direction", "intensity", plain, f"{thing} was really {word}!", label=POSITIVE)
    for thing, word in product(THINGS, BAD):
        yield Case("direction", "intensity", f"{thing} was {word}", f"{thing} was really {word}", label=NEGATIVE)
    for text, complaint in product(QUESTIONS, COMPLAINTS[:4]):
        yield Case("direction", "added complaint", text, f"{text} {complaint}", label=NEGATIVE, direction=1)
    for text, praise in product(QUESTIONS, PRAISE[:4]):
        yield Case("direction", "added praise", text, f"{text} {praise}", label=POSITIVE, direction=1)


def mistyped(text: str) -> str:
    """Swap two inner letters of the longest word that carries no sentiment."""
    words = [word for word in re.findall(r"[A-Za-z]{4,}", text) if word.lower() not in FEELINGS]
    word = max(words, key=len)
    middle = next(i for i in range(len(word) // 2, len(word)) if word[i] != word[i - 1])
    wrong = word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]
    return text.replace(word, wrong, 1)
