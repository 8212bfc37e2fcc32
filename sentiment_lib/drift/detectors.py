"""Drift detection: compare the current window of tweets with a reference window. Pure and seeded.

Samples have a fixed size, so that power does not depend on the volume of tweets. A signal drifts only when it is both
significant and larger than its effect floor. P-values are corrected over all signals, so that the false-alarm rate is
that of the whole check (family-wise error rate).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from sentiment_lib.drift.copied_share import TextRuns, compare_copies
from sentiment_lib.drift.effect_floors import EffectFloors
from sentiment_lib.drift.new_words import find_new_words
from sentiment_lib.drift.signals import CONTINUOUS, DISCRETE, SPARSE, compute_signals, repeated
from sentiment_lib.policy import DriftPolicy
from sentiment_lib.statistics import two_sample_tests
from sentiment_lib.statistics.metrics import Floats
from sentiment_lib.text.tokens import words

#: Share of the reference sample that is set aside as the vocabulary.
VOCABULARY_SHARE = 0.3
#: Size of the reference sample that decides which words are new, in samples.
NEW_WORDS_FACTOR = 3


@dataclass(frozen=True, kw_only=True)
class SignalResult:
    """One signal: its effect against the floor that it must reach, and its test corrected over all signals."""

    signal: str
    effect: float
    floor: float
    p_value: float
    adjusted: float
    drifted: bool
    #: mean, or share of the class or word that changed most, in the reference and the current window
    before: float | None = None
    now: float | None = None
    #: that class or word
    what: str | None = None


@dataclass(frozen=True, kw_only=True)
class DriftVerdict:
    """`verdict` is stable, drift or too_few; `signals` are ordered by significance."""

    verdict: str
    rows_reference: int
    rows_current: int
    signals: tuple[SignalResult, ...] = ()
    #: probability of any false alarm in this check
    false_alarm_rate: float = 0.05
    #: past windows behind the effect floors
    calibrated_on: int = 0

    @property
    def drifted(self) -> tuple[SignalResult, ...]:
        """The signals that drifted."""
        return tuple(signal for signal in self.signals if signal.drifted)

    def as_dicts(self) -> list[dict[str, Any]]:
        """Signals as JSON values."""
        return [asdict(signal) for signal in self.signals]


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Input of one check: seeded samples of both windows and the vocabulary."""

    reference: pd.DataFrame
    current: pd.DataFrame
    vocabulary: frozenset[str] = field(repr=False)
    #: a larger sample of the reference, for the test of new words
    reference_for_words: pd.DataFrame = field(repr=False)


def sample_rows(frame: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    """At most `rows` rows in random order, drawn without replacement; the same ones for the same seed."""
    index = np.random.default_rng(seed).permutation(len(frame))[:rows]
    return frame.iloc[index].reset_index(drop=True)


def draw_samples(
    reference: pd.DataFrame, current: pd.DataFrame, policy: DriftPolicy, vocabulary: Collection[str] | None = None
) -> Samples:
    """Samples of both windows. Without a vocabulary, a part of the reference sample is set aside as one."""
    sample = sample_rows(reference, round(policy.sample_rows / (1 - VOCABULARY_SHARE)), policy.seed)
    if vocabulary is None:
        vocabulary_rows = round(len(sample) * VOCABULARY_SHARE)
        known_words = frozenset(word for text in sample["text"][:vocabulary_rows].fillna("") for word in words(text))
        sample = sample[vocabulary_rows:].reset_index(drop=True)
    else:
        known_words = frozenset(vocabulary)
    return Samples(
        reference=sample[: policy.sample_rows],
        current=sample_rows(current, policy.sample_rows, policy.seed + 1),
        vocabulary=known_words,
        reference_for_words=sample_rows(reference, NEW_WORDS_FACTOR * policy.sample_rows, policy.seed),
    )


def check_windows(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    policy: DriftPolicy,
    *,
    vocabulary: Collection[str] | None = None,
    vectors: tuple[Floats, Floats] | None = None,
    floors: EffectFloors | None = None,
    runs: TextRuns | None = None,
) -> DriftVerdict:
    """Compare two windows of tweets (columns of `signals.compute_signals`).

    vectors: sentence vectors (n, d), (m, d) of rows of each window, for the embedding signal; floors: effects between
    past windows of this platform, which a signal must then exceed as well; runs: consecutive tweets, in which copies
    are counted (`copied_share`). A signal drifts when its Holm-adjusted p-value is at most policy.false_alarm_rate and
    its effect reaches its floor.
    """
    rows = {"rows_reference": len(reference), "rows_current": len(current), "false_alarm_rate": policy.false_alarm_rate}
    if min(len(reference), len(current)) < policy.minimum_rows:
        return DriftVerdict(verdict="too_few", **rows)  # type: ignore[arg-type]
    measured = measure_signals(draw_samples(reference, current, policy, vocabulary), policy, vectors, runs)
    adjusted = two_sample_tests.holm([signal.p_value for signal in measured])
    results = []
    for signal, corrected in zip(measured, adjusted, strict=True):
        floor = max(signal.floor, floors.floor(signal.signal, policy.false_alarm_rate) if floors else 0.0)
        drifted = bool(corrected <= policy.false_alarm_rate and signal.effect >= floor)
        results.append(SignalResult(**{**asdict(signal), "adjusted": corrected, "floor": floor, "drifted": drifted}))
    results.sort(key=lambda signal: (not signal.drifted, signal.adjusted, -signal.effect))
    return DriftVerdict(
        verdict="drift" if any(signal.drifted for signal in results) else "stable",
        signals=tuple(results),
        calibrated_on=floors.windows if floors else 0,
        **rows,  # type: ignore[arg-type]
    )


def measure_signals(
    samples: Samples,
    policy: DriftPolicy,
    vectors: tuple[Floats, Floats] | None = None,
    runs: TextRuns | None = None,
) -> list[SignalResult]:
    """Effect and uncorrected test of every signal that both samples have enough rows for."""
    before, now = (compute_signals(sample, samples.vocabulary) for sample in (samples.reference, samples.current))
    results: list[SignalResult] = []

    def add(signal: str, effect_and_p: tuple[float, float], floor: float, **more: Any) -> None:
        effect, p_value = effect_and_p
        results.append(
            SignalResult(
                signal=signal, effect=effect, floor=floor, p_value=p_value, adjusted=1.0, drifted=False, **more
            )
        )

    for name in CONTINUOUS + DISCRETE:
        if name not in before or name not in now:
            continue
        reference, current = before[name].dropna(), now[name].dropna()
        if min(len(reference), len(current)) < (policy.minimum_labelled if name in SPARSE else policy.minimum_rows):
            continue
        if name in CONTINUOUS:
            tested = two_sample_tests.ks_test(reference.to_numpy(float), current.to_numpy(float))
            add(name, tested, policy.minimum_effect, before=float(reference.mean()), now=float(current.mean()))
        else:
            tested = two_sample_tests.chi_square_test(reference.tolist(), current.tolist())
            add(name, tested, policy.minimum_effect, **most_changed(reference, current))
    current_words = _word_sets(samples.current)
    add("words", _test_words(_word_sets(samples.reference), current_words, policy), policy.minimum_word_effect)
    new = find_new_words(_word_sets(samples.reference_for_words), current_words, seed=policy.seed)
    example = {"what": new.word, "before": 0.0, "now": new.word_share}
    add("new_words", (new.share, new.p_value), policy.minimum_word_effect, **example)
    copies = compare_copies(runs) if runs is not None else None
    if copies is not None:
        tested = (abs(copies.now - copies.before), copies.p_value)
        add("repeats", tested, policy.minimum_effect, before=copies.before, now=copies.now)
    else:
        add("repeats", _test_repeats(samples), policy.minimum_effect)
    if vectors is not None:
        add("vectors", two_sample_tests.mmd_test(vectors[0], vectors[1], seed=policy.seed), policy.minimum_effect)
    return results


def most_changed(reference: pd.Series, current: pd.Series) -> Mapping[str, Any]:
    """The class whose share changed most, with its shares."""
    before = {str(k): float(v) for k, v in reference.value_counts(normalize=True).items()}
    now = {str(k): float(v) for k, v in current.value_counts(normalize=True).items()}
    top = max(sorted(before.keys() | now.keys()), key=lambda name: abs(now.get(name, 0) - before.get(name, 0)))
    return {"what": top, "before": before.get(top, 0.0), "now": now.get(top, 0.0)}


def _test_words(reference: list[set[str]], current: list[set[str]], policy: DriftPolicy) -> tuple[float, float]:
    shares = two_sample_tests.word_shares(reference, current)
    changed = [row for row in shares if abs(row[2] - row[1]) >= policy.minimum_word_effect]
    if not changed:
        return 0.0, 1.0
    _, before, now, p_value = changed[0]
    # Bonferroni over every word that was tested, not only over those that changed
    return abs(now - before), min(1.0, p_value * len(shares))


def _word_sets(frame: pd.DataFrame) -> list[set[str]]:
    return [set(words(text)) for text in frame["text"].fillna("")]


def _test_repeats(samples: Samples) -> tuple[float, float]:
    # the probability of a repeat grows with the sample size: compare samples of equal size
    rows = min(len(samples.reference), len(samples.current))
    reference, current = (repeated(sample["text"][:rows]) for sample in (samples.reference, samples.current))
    return two_sample_tests.chi_square_test(reference.tolist(), current.tolist())
