"""Has the current window drifted from the reference? Pure, seeded, and the same for a thousand or a million rows.

Fixed-size samples, so that volume does not decide; an effect and a test together, so that neither a trifle nor chance
alarms; corrected over all signals, so that the stated false-alarm rate is that of the whole check.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from sentiment_lib.drift.effect_floors import Calibration
from sentiment_lib.drift.new_words import new_words
from sentiment_lib.drift.signals import CONTINUOUS, DISCRETE, SPARSE, repeated, signals
from sentiment_lib.policy import DriftPolicy
from sentiment_lib.statistics import two_sample_tests
from sentiment_lib.text.tokens import words

#: Share of the reference sample that only says which words are known.
VOCABULARY_SHARE = 0.3
#: Rows of the reference, in samples, that say which words are new.
BEFORE_FACTOR = 3


@dataclass(frozen=True, kw_only=True)
class SignalResult:
    """One signal: its effect against the floor it must reach, and its test corrected over all signals."""

    signal: str
    effect: float
    floor: float
    p_value: float
    adjusted: float
    drifted: bool
    #: mean, or share of the class or word that moved most, in the reference and now
    before: float | None = None
    now: float | None = None
    what: str | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`verdict` is stable, drift or too_few; `signals` are ordered by how sure they are."""

    verdict: str
    rows_reference: int
    rows_current: int
    signals: tuple[SignalResult, ...] = ()
    #: chance of any false alarm in this check
    false_alarm_rate: float = 0.05
    calibrated_on: int = 0

    @property
    def drifted(self) -> tuple[SignalResult, ...]:
        """The signals that alarm."""
        return tuple(one for one in self.signals if one.drifted)

    def as_dicts(self) -> list[dict[str, Any]]:
        """Signals as JSON values."""
        return [asdict(one) for one in self.signals]


@dataclass(frozen=True, kw_only=True)
class Samples:
    """What one check looks at: seeded samples of both windows and the words that count as known."""

    reference: pd.DataFrame
    current: pd.DataFrame
    known: frozenset[str] = field(repr=False)
    #: a larger sample of the reference: it says which words are new
    before: pd.DataFrame = field(repr=False)


def sample(frame: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    """At most `rows` rows, drawn without replacement; the same ones for the same seed, in a new order of rows."""
    random = np.random.default_rng(seed)
    take = random.permutation(len(frame))[:rows]
    return frame.iloc[take].reset_index(drop=True)


def samples(
    reference: pd.DataFrame, current: pd.DataFrame, policy: DriftPolicy, vocabulary: Collection[str] | None = None
) -> Samples:
    """Samples of both windows. Without a vocabulary, a part of the reference is set aside to be one."""
    drawn = sample(reference, round(policy.sample_rows / (1 - VOCABULARY_SHARE)), policy.seed)
    if vocabulary is None:
        aside = round(len(drawn) * VOCABULARY_SHARE)
        known = frozenset(word for text in drawn["text"][:aside].fillna("") for word in words(text))
        drawn = drawn[aside:].reset_index(drop=True)
    else:
        known = frozenset(vocabulary)
    return Samples(
        reference=drawn[: policy.sample_rows],
        current=sample(current, policy.sample_rows, policy.seed + 1),
        known=known,
        before=sample(reference, BEFORE_FACTOR * policy.sample_rows, policy.seed),
    )


def check(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    policy: DriftPolicy,
    *,
    vocabulary: Collection[str] | None = None,
    vectors: tuple[np.ndarray, np.ndarray] | None = None,
    calibration: Calibration | None = None,
) -> Verdict:
    """Compare two windows of tweets (columns of `signals.signals`).

    `vectors` are sentence vectors of rows of each window, for the embedding signal. `calibration` is what undisturbed
    windows of this platform looked like: a signal must then also leave that range.
    """
    rows = {"rows_reference": len(reference), "rows_current": len(current), "false_alarm_rate": policy.false_alarm_rate}
    if min(len(reference), len(current)) < policy.minimum_rows:
        return Verdict(verdict="too_few", **rows)  # type: ignore[arg-type]
    found = measure(samples(reference, current, policy, vocabulary), policy, vectors)
    adjusted = two_sample_tests.holm([one.p_value for one in found])
    results = []
    for one, corrected in zip(found, adjusted, strict=True):
        floor = max(one.floor, calibration.floor(one.signal, policy.false_alarm_rate) if calibration else 0.0)
        alarm = bool(corrected <= policy.false_alarm_rate and one.effect >= floor)
        results.append(SignalResult(**{**asdict(one), "adjusted": corrected, "floor": floor, "drifted": alarm}))
    results.sort(key=lambda one: (not one.drifted, one.adjusted, -one.effect))
    return Verdict(
        verdict="drift" if any(one.drifted for one in results) else "stable",
        signals=tuple(results),
        calibrated_on=calibration.windows if calibration else 0,
        **rows,  # type: ignore[arg-type]
    )


def measure(
    both: Samples, policy: DriftPolicy, vectors: tuple[np.ndarray, np.ndarray] | None = None
) -> list[SignalResult]:
    """Effect and uncorrected test of every signal that both samples have enough rows for."""
    before, now = (signals(one, both.known) for one in (both.reference, both.current))
    found: list[SignalResult] = []

    def add(signal: str, pair: tuple[float, float], floor: float, **more: Any) -> None:
        found.append(
            SignalResult(
                signal=signal, effect=pair[0], floor=floor, p_value=pair[1], adjusted=1.0, drifted=False, **more
            )
        )

    for name in CONTINUOUS + DISCRETE:
        if name not in before or name not in now:
            continue
        left, right = before[name].dropna(), now[name].dropna()
        if min(len(left), len(right)) < (policy.minimum_labelled if name in SPARSE else policy.minimum_rows):
            continue
        if name in CONTINUOUS:
            pair = two_sample_tests.continuous(left.to_numpy(float), right.to_numpy(float))
            add(name, pair, policy.minimum_effect, before=float(left.mean()), now=float(right.mean()))
        else:
            pair = two_sample_tests.discrete(left.tolist(), right.tolist())
            add(name, pair, policy.minimum_effect, **most_moved(left, right))
    said = _bags(both.current)
    add("words", *_words(_bags(both.reference), said, policy))
    fresh = new_words(_bags(both.before), said, seed=policy.seed)
    shown = {"what": fresh.word, "before": 0.0, "now": fresh.word_share}
    add("new_words", (fresh.share, fresh.p_value), policy.minimum_word_effect, **shown)
    add("repeats", *_repeats(both, policy))
    if vectors is not None:
        add("vectors", two_sample_tests.vectors(vectors[0], vectors[1], seed=policy.seed), policy.minimum_effect)
    return found


def most_moved(left: pd.Series, right: pd.Series) -> Mapping[str, Any]:
    """The class whose share moved most, with its shares."""
    before = {str(k): float(v) for k, v in left.value_counts(normalize=True).items()}
    now = {str(k): float(v) for k, v in right.value_counts(normalize=True).items()}
    top = max(sorted(before.keys() | now.keys()), key=lambda name: abs(now.get(name, 0) - before.get(name, 0)))
    return {"what": top, "before": before.get(top, 0.0), "now": now.get(top, 0.0)}


def _words(
    reference: list[set[str]], current: list[set[str]], policy: DriftPolicy
) -> tuple[tuple[float, float], float]:
    shares = two_sample_tests.word_shares(reference, current)
    moved = [one for one in shares if abs(one[2] - one[1]) >= policy.minimum_word_effect]
    if not moved:
        return (0.0, 1.0), policy.minimum_word_effect
    _, a, b, p_value = moved[0]
    # corrected over every word that was looked at, not only over those that moved
    return (abs(b - a), min(1.0, p_value * len(shares))), policy.minimum_word_effect


def _bags(frame: pd.DataFrame) -> list[set[str]]:
    return [set(words(text)) for text in frame["text"].fillna("")]


def _repeats(both: Samples, policy: DriftPolicy) -> tuple[tuple[float, float], float]:
    # the chance to repeat grows with the sample: compare equal sizes
    rows = min(len(both.reference), len(both.current))
    left, right = (repeated(one["text"][:rows]) for one in (both.reference, both.current))
    return two_sample_tests.discrete(left.tolist(), right.tolist()), policy.minimum_effect
