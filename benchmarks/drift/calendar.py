"""False alarms on streams whose days are not exchangeable, and of hourly checks.

Real airline tweets, drawn for each day with the shares that the stream says, go through the whole check with all its
signals in the order in which the platform runs it: reference, history, level and incidents as in `steps/monitoring`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.drift import scenarios
from benchmarks.drift.null import share
from sentiment_lib.drift import copied_share, detectors, samples, signals
from sentiment_lib.drift.between_days import PastWindow, collect_histories
from sentiment_lib.drift.copied_share import TextRuns
from sentiment_lib.drift.false_alarms import overlapping_level, window_level
from sentiment_lib.drift.signals import compute_signals
from sentiment_lib.policy import DriftPolicy
from sentiment_lib.statistics.metrics import Floats
from sentiment_lib.steps.monitoring.check_drift import ENOUGH
from sentiment_lib.text import copies, tokens

POLICY = DriftPolicy()
#: Windows that end by this day are counted apart.
COUNTED_FROM, DAYS = 28, 63
#: Day at whose end the first check is: the first with a week before it.
STARTED = 8
TWEETS = 300
HOURS = 24
#: A day that drifts: points of negative tweets more, and share of its tweets with a word of its own.
NEGATIVE, WITH_WORD = 0.18, 0.05


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Shares of negative tweets (days,), volumes (days,), spread of the airlines' shares, and share of copies."""

    negative: Floats = field(repr=False)
    volume: Floats = field(repr=False)
    airline_spread: float = 0.0
    copies: tuple[float, int] = (0.0, 8)
    #: days (days,) on which something happens: as many more negative tweets, and a word of its own in some
    drifted: Floats | None = field(default=None, repr=False)


def _plain(random: np.random.Generator, spread: float = 0.0) -> Stream:
    negative = np.clip(0.63 + random.normal(0, 1, DAYS) * spread, 0.05, 0.95)
    return Stream(negative=negative, volume=np.full(DAYS, TWEETS))


def _weekdays(random: np.random.Generator) -> Stream:
    negative = np.where(np.arange(DAYS) % 7 >= 5, 0.56, 0.73) + random.normal(0, 0.01, DAYS)
    return replace(_plain(random), negative=negative)


def _growing(random: np.random.Generator) -> Stream:
    return replace(_plain(random, 0.028), volume=np.linspace(220, 660, DAYS))


def _weekends(random: np.random.Generator) -> Stream:
    return replace(_weekdays(random), volume=np.where(np.arange(DAYS) % 7 >= 5, 220, 400))


def _everything(random: np.random.Generator) -> Stream:
    negative = _weekdays(random).negative + random.normal(0, 0.028, DAYS)
    return replace(_weekends(random), negative=negative, airline_spread=0.03, copies=(0.1, 8))


def _storms(random: np.random.Generator, share: float) -> Stream:
    return replace(_plain(random), drifted=random.random(DAYS) < share)


STREAMS: dict[str, Callable[[np.random.Generator], Stream]] = {
    "equal days": _plain,
    "chance days, sd 2.8 points": partial(_plain, spread=0.028),
    "chance days, sd 6.2 points": partial(_plain, spread=0.062),
    "weekdays 56 to 73 %": _weekdays,
    "airline shares, sd 3 points": lambda random: replace(_plain(random), airline_spread=0.03),
    "growing volume": _growing,
    "weekend volume and weekdays": _weekends,
    "constant 10 % copies in clusters of 8": lambda random: replace(_plain(random), copies=(0.1, 8)),
    "constant 10 % copies in clusters of 25": lambda random: replace(_plain(random), copies=(0.1, 25)),
    "all of these at once": _everything,
}
#: Streams in which a share of all days really drifts.
DRIFTED = {f"{share:.0%} of the days drift": partial(_storms, share=share) for share in (0.05, 0.08, 0.15)}
HOURLY = ("equal days", "chance days, sd 2.8 points", "weekdays 56 to 73 %")


def calendar(data: Path, quick: bool, _sizes: list[int]) -> dict[str, object]:
    """Share of daily windows with an alarm, by kind of stream, and of days that drift; incidents of hourly checks."""
    tweets = _airline_tweets(data)
    found: dict[str, object] = {}
    early: list[bool] = []
    for name, make in (STREAMS | DRIFTED).items():
        calm, drifted = [], []
        for seed in range(2 if quick else 12):
            random = np.random.default_rng([5, seed])
            stream = make(random)
            for day, alarm in _Platform(_draw(tweets, stream, random)).daily():
                if stream.drifted is not None and stream.drifted[day - 1]:
                    drifted.append(alarm)
                else:
                    (calm if day > COUNTED_FROM else early).append(alarm)
        found[name] = share(sum(calm), len(calm))
        if drifted:
            found[f"{name}: found"] = {"found": share(sum(drifted), len(drifted))}
        print(f"calendar {name}: {found[name]} {found.get(f'{name}: found', '')}", flush=True)
    found["all streams, before week five"] = share(sum(early), len(early))
    print(f"calendar all streams, before week five: {found['all streams, before week five']}", flush=True)
    for name in () if quick else HOURLY:
        incidents = []
        for seed in range(3):
            random = np.random.default_rng([6, seed])
            incidents.append(_Platform(_draw(tweets, STREAMS[name](random), random)).hourly())
        found[f"hourly checks, {name}"] = _per_month(sum(incidents), len(incidents) * (DAYS - COUNTED_FROM) / 30)
        print(f"calendar hourly checks, {name}: {found[f'hourly checks, {name}']}", flush=True)
    return found


def _per_month(incidents: int, months: float) -> dict[str, float | int]:
    """Incidents a month with the exact 95 % interval of a Poisson rate."""
    low = stats.chi2.ppf(0.025, 2 * incidents) / 2 if incidents else 0.0
    high = stats.chi2.ppf(0.975, 2 * incidents + 2) / 2
    rate, low, high = (round(float(value) / months, 3) for value in (incidents, low, high))
    return {"per_month": rate, "low": low, "high": high, "months": round(months, 2)}


def _airline_tweets(data: Path) -> pd.DataFrame:
    return scenarios.scored(scenarios.airline(data).drop(columns="true_label"), scenarios.general(data))


def _draw(tweets: pd.DataFrame, stream: Stream, random: np.random.Generator) -> pd.DataFrame:
    """Tweets of every day in order of time, with the column `hour` since the start."""
    negative = (tweets["predicted_label"] == "negative").to_numpy()
    airlines, codes = np.unique(tweets["airline"], return_inverse=True)
    usual, parts = np.bincount(codes) / len(tweets), []
    shares = stream.negative
    if stream.drifted is not None:
        shares = np.minimum(shares + NEGATIVE * stream.drifted, 0.95)
    for day in range(DAYS):
        wanted = np.clip(usual + random.normal(0, 1, len(airlines)) * stream.airline_spread, 0.01, 1)
        weight = (wanted / usual)[codes] * np.where(
            negative, shares[day] / negative.mean(), (1 - shares[day]) / (1 - negative.mean())
        )
        rows = random.choice(len(tweets), int(random.poisson(stream.volume[day])), p=weight / weight.sum())
        part = tweets.iloc[rows].reset_index(drop=True)
        for _ in range(random.poisson(stream.copies[0] * len(part) / stream.copies[1])):
            part.loc[random.integers(0, len(part), stream.copies[1]), "text"] = part["text"][random.integers(len(part))]
        if stream.drifted is not None and stream.drifted[day]:
            hit = random.random(len(part)) < WITH_WORD
            part.loc[hit, "text"] = part.loc[hit, "text"] + f" {random.choice(scenarios.SLANG)}{day}"
        parts.append(part.assign(hour=np.sort(day * HOURS + random.random(len(part)) * HOURS)))
    return pd.concat(parts, ignore_index=True)


@dataclass
class _Platform:
    """Checks of one stream, in order; `past` holds each verdict by the hour at which its window ended."""

    tweets: pd.DataFrame
    past: dict[int, tuple[str, detectors.DriftVerdict]] = field(default_factory=dict)
    counted_until: int = 0

    def __post_init__(self) -> None:
        """What depends on a text or tweet alone is computed once, not in every check that sees it."""
        self.tweets["row"] = np.arange(len(self.tweets))
        texts = pd.Series(self.tweets["text"].unique())
        clusters = dict(zip(texts, copies.cluster_copies(texts.tolist()).tolist(), strict=True))
        keys = pd.Series(signals.repetition_key(texts).to_numpy(), index=texts)
        split, computed = cache(tokens.words), compute_signals(self.tweets)

        def look_up(frame: pd.DataFrame, vocabulary: frozenset[str] | None = None) -> pd.DataFrame:
            found = computed.iloc[frame["row"].to_numpy()].reset_index(drop=True)
            if vocabulary is not None:
                found["unknown_share"] = [signals._share_outside(split(text), vocabulary) for text in frame["text"]]
            return found

        modules: Any = detectors, samples, signals
        for module in modules:
            module.words = split
        copied_share.repetition_key = lambda texts: texts.map(keys)  # type: ignore[attr-defined]
        detectors.compute_signals = look_up
        samples.cluster_copies = lambda wanted: np.array([clusters[text] for text in wanted])  # type: ignore[assignment]

    def daily(self) -> list[tuple[int, bool]]:
        """The day at whose end each window of a day ends, and whether it raises an alarm."""
        return [(day, self.check(day * HOURS).verdict == "drift") for day in range(STARTED, DAYS + 1)]

    def hourly(self) -> int:
        """Incidents of hourly checks from week five on: an open one ends with the first clear check."""
        incidents, is_open = 0, False
        for hour in range(STARTED * HOURS, DAYS * HOURS + 1):
            verdict = self.check(hour)
            if verdict.verdict == "drift":
                incidents += not is_open and hour > COUNTED_FROM * HOURS
                is_open = True
            elif verdict.is_clear(window_level(POLICY)):
                is_open = False
        return incidents

    def check(self, end: int) -> detectors.DriftVerdict:
        """Compare the day that ends at this hour with earlier ones."""
        weeks = [self._window(end - 7 * HOURS * number) for number in range(1, POLICY.reference_weeks + 1)]
        weeks = [week for week in weeks if len(week) >= POLICY.minimum_rows]
        kind = "weekdays" if len(weeks) >= 3 else "days"
        runs = weeks if kind == "weekdays" else [self._window(end - HOURS * number) for number in range(1, 8)]
        current, counted = self._window(end), end - HOURS >= self.counted_until
        verdict = detectors.check_windows(
            pd.concat([run.assign(window=number) for number, run in enumerate(runs)], ignore_index=True),
            current,
            POLICY,
            history=collect_histories(self._history(end, kind)),
            extra=detectors.ExtraInputs(
                runs=TextRuns(
                    current=current["text"].tolist(),
                    reference=[
                        run["text"].tolist()[: len(current)] for run in runs if len(run) >= max(200, 0.5 * len(current))
                    ],
                ),
            ),
            level=window_level(POLICY) if counted else overlapping_level(POLICY, timedelta(hours=1)),
        )
        self.past[end] = (kind, verdict)
        self.counted_until = end if counted else self.counted_until
        return verdict

    def _history(self, end: int, kind: str) -> list[PastWindow]:
        near = [self.past[hour] for hour in range(end - HOURS, 0, -HOURS) if hour in self.past][:60]
        alike = [check for check in near if check[0] == kind]
        chosen = alike if len(alike) >= ENOUGH else near
        return [PastWindow(signals=tuple(verdict.as_dicts())) for _, verdict in chosen]

    def _window(self, end: int) -> pd.DataFrame:
        first, last = np.searchsorted(self.tweets["hour"], [end - HOURS, end])
        return self.tweets.iloc[first:last]
