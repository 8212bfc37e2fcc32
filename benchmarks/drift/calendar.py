"""False alarms on streams whose days are not exchangeable: chance days, weekdays, a constant share of copies.

One class share and the copies, each tested as one of the signals of a check, in the order in which checks run: the
floor of each window comes from those before it. Words, lengths and the other signals are not part of this figure.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.drift.null import share
from sentiment_lib.drift.copied_share import TextRuns, compare_copies
from sentiment_lib.drift.effect_floors import EffectFloors
from sentiment_lib.policy import DriftPolicy
from sentiment_lib.statistics.metrics import Floats
from sentiment_lib.statistics.two_sample_tests import chi_square_test

POLICY = DriftPolicy()
#: Signals of a check, over which it is corrected.
SIGNALS = 24
LEVEL = POLICY.false_alarm_rate / SIGNALS
#: Windows before this day are not counted: floors need past windows.
COUNTED_FROM, DAYS = 35, 65
STREAMS = ("equal days", "chance days, sd 2.8 points", "chance days, sd 6.2 points", "weekdays 56 to 73 %")
LETTERS = list("abcdefghijklmnopqrstuvwxyz")


def calendar(_data: Path, quick: bool, _sizes: list[int]) -> dict[str, object]:
    """Share of windows with an alarm, by kind of stream."""
    found: dict[str, object] = {}
    for name in STREAMS:
        alarms = [alarm for seed in range(8 if quick else 40) for alarm in _class_share(name, seed)]
        found[name] = share(sum(alarms), len(alarms))
        print(f"calendar {name}: {found[name]}", flush=True)
    for size in (8, 25):
        copied = [_copies(size, seed) for seed in range(20 if quick else 120)]
        found[f"constant 10 % copies in clusters of {size}"] = share(sum(copied), len(copied))
        print(f"calendar copies of {size}: {share(sum(copied), len(copied))}", flush=True)
    return found


def _class_share(name: str, seed: int) -> list[bool]:
    random = np.random.default_rng([5, seed])
    truth, rows, past, alarms = _shares(name, random), POLICY.sample_rows, [], []
    for day in range(7, DAYS):
        before, now = random.random(rows) < truth[day - 7 : day].mean(), random.random(rows) < truth[day]
        effect, p_value = chi_square_test(before.tolist(), now.tolist())
        floor = EffectFloors(effects={"share": past[-60:]}).floor("share", LEVEL)
        alarms.append(p_value <= LEVEL and effect >= max(POLICY.minimum_effect, floor))
        past.append(effect)
    return alarms[COUNTED_FROM - 7 :]


def _shares(name: str, random: np.random.Generator) -> Floats:
    days = np.arange(DAYS)
    if "weekdays" in name:
        return np.asarray(np.where(days % 7 >= 5, 0.56, 0.73) + random.normal(0, 0.01, DAYS))
    spread = {"chance days, sd 2.8 points": 0.028, "chance days, sd 6.2 points": 0.062}.get(name, 0.0)
    return np.asarray(np.clip(0.63 + random.normal(0, 1, DAYS) * spread, 0.02, 0.98))


def _copies(size: int, seed: int) -> bool:
    random = np.random.default_rng([9, size, seed])
    days = [_day(random, size) for _ in range(8)]
    copies = compare_copies(TextRuns(current=days[7], reference=days[:7]))
    assert copies is not None
    return copies.p_value <= LEVEL and abs(copies.now - copies.before) >= POLICY.minimum_effect


def _day(random: np.random.Generator, size: int, rows: int = 400) -> list[str]:
    texts = ["".join(row) for row in random.choice(LETTERS, (rows, 20)).tolist()]
    for _ in range(random.poisson(0.1 * rows / size)):
        text = texts[int(random.integers(rows))]
        for place in random.integers(0, rows, size):
            texts[place] = text
    return texts
