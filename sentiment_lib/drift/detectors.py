"""Drift detection: compare the current window of tweets with a reference window. Pure and seeded.

Samples have a fixed size, so that power does not depend on the volume of tweets, and copies of a text count once in
each window: they are no independent observations. A signal drifts only when it is both significant, with the variation
between past days in its test, and larger than its effect floor. P-values are corrected over all signals, so that the
false-alarm rate is that of the whole check (family-wise error rate).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import pandas as pd

from sentiment_lib.drift import copied_share
from sentiment_lib.drift.between_days import BetweenDays
from sentiment_lib.drift.copied_share import TextRuns, compare_copies
from sentiment_lib.drift.false_alarms import window_level
from sentiment_lib.drift.new_words import find_new_words
from sentiment_lib.drift.samples import Samples, draw_samples
from sentiment_lib.drift.signals import CONTINUOUS, DISCRETE, OF_PREDICTIONS, SPARSE, compute_signals
from sentiment_lib.policy import DriftPolicy
from sentiment_lib.statistics import two_sample_tests
from sentiment_lib.statistics.metrics import Floats
from sentiment_lib.text.tokens import words

#: Part of the level that a signal gets. These see changes that no other signal sees; predictions and style have several
#: signals each, which change together.
WEIGHTS = {"words": 4.0, "new_words": 4.0, "repeats": 4.0, "wrong": 4.0}


@dataclass(frozen=True, kw_only=True)
class SignalResult:
    """One signal: its effect against the floor that it must reach, and its test corrected over all signals."""

    signal: str
    effect: float
    floor: float
    #: with the variation between past windows
    p_value: float
    adjusted: float
    drifted: bool
    #: of the two samples alone
    p_sampling: float = 1.0
    #: effective number of rows: n m / (n + m)
    rows: float = 0.0
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
    #: probability of any false alarm in this check
    false_alarm_rate: float
    signals: tuple[SignalResult, ...] = ()
    #: past windows behind the variation between days
    calibrated_on: int = 0
    #: whether the limits rest in part on a prior, for want of past windows
    is_learning: bool = False

    @property
    def drifted(self) -> tuple[SignalResult, ...]:
        """The signals that drifted."""
        return tuple(signal for signal in self.signals if signal.drifted)

    def is_clear(self, level: float) -> bool:
        """Whether no signal would drift at this level."""
        return not any(signal.adjusted <= level and signal.effect >= signal.floor for signal in self.signals)

    def as_dicts(self) -> list[dict[str, Any]]:
        """Signals as JSON values."""
        return [asdict(signal) for signal in self.signals]


@dataclass(frozen=True, kw_only=True)
class ExtraInputs:
    """What a check may compare beside the rows of both windows."""

    #: another reference for the signals of predictions
    scored_reference: pd.DataFrame | None = field(default=None, repr=False)
    #: sentence vectors (n, d), (m, d) of rows of each window, for the embedding signal
    vectors: tuple[Floats, Floats] | None = field(default=None, repr=False)
    #: consecutive tweets, in which copies are counted (`copied_share`)
    runs: TextRuns | None = field(default=None, repr=False)


def check_windows(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    policy: DriftPolicy,
    *,
    extra: ExtraInputs | None = None,
    history: BetweenDays | None = None,
    level: float | None = None,
) -> DriftVerdict:
    """Compare two windows of tweets (columns of `signals.compute_signals`, and `window` of `distinct_texts`).

    history: past windows of this platform, whose variation enters the tests; without it days count as exchangeable.
    level: the false-alarm rate of this check, by default that of a window which overlaps no other. A signal drifts when
    its Holm-adjusted p-value is at most the level and its effect reaches its floor.
    """
    scored = extra.scored_reference if extra else None
    samples = draw_samples(reference, current, policy, scored)
    return check_samples(samples, policy, extra=extra, history=history, level=level)


def check_samples(
    samples: Samples,
    policy: DriftPolicy,
    *,
    extra: ExtraInputs | None = None,
    history: BetweenDays | None = None,
    level: float | None = None,
) -> DriftVerdict:
    """`check_windows` for samples that are drawn already."""
    level = window_level(policy) if level is None else level
    before, now = samples.rows
    if min(before, now) < policy.minimum_rows:
        return DriftVerdict(verdict="too_few", rows_reference=before, rows_current=now, false_alarm_rate=level)
    history, extra = history or BetweenDays(), extra or ExtraInputs()
    measured = [
        replace(signal, p_value=history.corrected(signal.signal, signal.p_sampling, signal.rows))
        for signal in measure_signals(samples, policy, extra.vectors, extra.runs)
    ]
    weights = [WEIGHTS.get(signal.signal, 1.0) for signal in measured]
    adjusted = two_sample_tests.holm([signal.p_value for signal in measured], weights)
    results = []
    for signal, corrected in zip(measured, adjusted, strict=True):
        floor = history.floor(signal.signal, signal.floor)
        drifted = bool(corrected <= level and signal.effect >= floor)
        results.append(replace(signal, adjusted=corrected, floor=floor, drifted=drifted))
    results.sort(key=lambda signal: (not signal.drifted, signal.adjusted, -signal.effect))
    return DriftVerdict(
        verdict="drift" if any(signal.drifted for signal in results) else "stable",
        signals=tuple(results),
        calibrated_on=history.windows,
        is_learning=history.is_learning,
        rows_reference=before,
        rows_current=now,
        false_alarm_rate=level,
    )


def measure_signals(
    samples: Samples,
    policy: DriftPolicy,
    vectors: tuple[Floats, Floats] | None = None,
    runs: TextRuns | None = None,
) -> list[SignalResult]:
    """Effect and uncorrected test of every signal that both samples have enough rows for."""
    before, now = (compute_signals(sample, samples.vocabulary) for sample in (samples.reference, samples.current))
    scored = before if samples.scored_reference is None else compute_signals(samples.scored_reference)
    whole = len(samples.reference), len(samples.current)
    results: list[SignalResult] = []

    def add(
        signal: str, effect_and_p: tuple[float, float], floor: float, sizes: tuple[int, int] = whole, **more: Any
    ) -> None:
        effect, p_value = effect_and_p
        results.append(
            SignalResult(
                signal=signal,
                effect=effect,
                floor=floor,
                p_value=p_value,
                adjusted=1.0,
                drifted=False,
                p_sampling=p_value,
                rows=sizes[0] * sizes[1] / sum(sizes),
                **more,
            )
        )

    for name in CONTINUOUS + DISCRETE:
        before_of = scored if name in OF_PREDICTIONS else before
        if name not in before_of or name not in now:
            continue
        reference, current = before_of[name].dropna(), now[name].dropna()
        sizes = len(reference), len(current)
        if min(len(reference), len(current)) < (policy.minimum_labelled if name in SPARSE else policy.minimum_rows):
            continue
        if name in CONTINUOUS:
            tested = two_sample_tests.ks_test(reference.to_numpy(float), current.to_numpy(float))
            before_mean, now_mean = float(reference.mean()), float(current.mean())
            add(name, tested, policy.minimum_effect, sizes, before=before_mean, now=now_mean)
        else:
            tested = two_sample_tests.chi_square_test(reference.tolist(), current.tolist())
            add(name, tested, policy.minimum_effect, sizes, **most_changed(reference, current))
    current_words = _word_sets(samples.current)
    add("words", _test_words(_word_sets(samples.reference), current_words, policy), policy.minimum_word_effect)
    new = find_new_words(_word_sets(samples.reference_for_words), current_words, seed=policy.seed)
    example: dict[str, Any] = {"what": new.word, "before": 0.0, "now": new.word_share}
    add("new_words", (new.share, new.p_value), policy.minimum_word_effect, **example)
    copies = compare_copies(samples.runs if runs is None else runs)
    if copies is not None:
        tested = (abs(copies.now - copies.before), copies.p_value)
        floor = min(policy.minimum_effect, copied_share.MIN_EFFECT)
        add("repeats", tested, floor, before=copies.before, now=copies.now)
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
