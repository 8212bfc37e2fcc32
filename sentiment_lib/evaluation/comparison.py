"""Comparison of candidate and champion on the same rows: metrics, paired differences, slices and sample sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation import alpha_spending, judgement_methods
from sentiment_lib.evaluation.aims import RECALIBRATION, REFRESH, Aim
from sentiment_lib.evaluation.margin_test import likely_p_value, losing_deviation, margin_test
from sentiment_lib.evaluation.sample_size import detectable_loss, labels_needed
from sentiment_lib.evaluation.significance import Difference, estimate_difference, mcnemar
from sentiment_lib.policy import GatePolicy
from sentiment_lib.records import LABELS
from sentiment_lib.statistics import paired_counts
from sentiment_lib.statistics.calibration_gain import CalibrationGain, measure_calibration_gain
from sentiment_lib.statistics.metrics import (
    CLASSES,
    Ints,
    calibration_noise,
    classification_metrics,
    validate_predictions,
)

#: Gains for which the sample size is computed.
GAINS = (0.01, 0.02, 0.03)


@dataclass(frozen=True, kw_only=True)
class SliceComparison:
    """The paired difference on a named subset; None where it has too few rows to be judged."""

    name: str
    rows: int
    negatives: int
    difference: Difference | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything the gate judges; all of it can be recomputed from rows, models and policy."""

    rows: int
    label_counts: dict[str, int]
    #: share of the rows that the candidate predicts as each class
    predicted_share: dict[str, float]
    champion: dict[str, float]
    candidate: dict[str, float]
    #: calibration error that a perfectly calibrated candidate would show at this size
    calibration_noise: float
    #: significance level of this look
    level: float
    main: Difference
    guards: tuple[Difference, ...]
    mcnemar: dict[str, float | int]
    slices: tuple[SliceComparison, ...]
    #: "observed" and "+1 points", "+2 points", "+3 points" -> rows for 80 % power at this level
    labels_needed: dict[str, int | None]
    #: counts (3, 3, 3): true label x champion's prediction x candidate's prediction
    cells: list[list[list[int]]]
    #: of a recalibration
    calibration: CalibrationGain | None = None

    @property
    def p_value(self) -> float:
        """The largest p-value of what the candidate must show at the level of the look; 1 where one has no test."""
        found = [self.main.p_value, *(guard.p_value for guard in self.guards)]
        if self.calibration is not None:
            found.append(self.calibration.p_value)
        return max(1.0 if one is None else one for one in found)

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Comparison:
        """The inverse of `as_dict`. Raises KeyError or TypeError for anything else."""
        return cls(
            **{
                **body,
                "main": Difference(**body["main"]),
                "guards": tuple(Difference(**guard) for guard in body["guards"]),
                "slices": tuple(
                    SliceComparison(
                        **{**part, "difference": Difference(**part["difference"]) if part["difference"] else None}
                    )
                    for part in body["slices"]
                ),
                "calibration": CalibrationGain(**body["calibration"]) if body.get("calibration") else None,
            }
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON types only; the keys are part of the hashed evidence, in which a missing part has none."""
        body = asdict(self)
        if self.calibration is None:
            del body["calibration"]
        for difference in (body["main"], *body["guards"], *(part["difference"] or {} for part in body["slices"])):
            if difference.get("margin") is None:
                difference.pop("margin", None)
        return body


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How a judgement method and an aim compare, beside the level of the look."""

    #: divide the guard level among the slices, so that it bounds the error over all of them (Bonferroni)
    share_slice_level: bool = True
    #: of the aim: loss of the main metric that the p-value and the sample sizes are about
    margin: float = 0.0
    #: judge the guard metrics at the level of the look, instead of `policy.guard_level`
    guards_at_level: bool = False
    #: test margins, of guard metrics too, by a null that has the loss (`margin_test`), instead of a shifted one
    margin_tests: bool = False
    #: test guard metrics against the margin that the rows can decide, at most this; None: `policy.non_inferiority`
    largest_guard_margin: float | None = None
    #: test the main metric under the likeliest null with the loss as well (`likely_null`)
    likely_losses: bool = False
    #: compare the calibration of both models
    calibration: bool = False

    @classmethod
    def of(cls, aim: Aim, policy: GatePolicy, method: int = judgement_methods.NEWEST) -> Terms:
        """The terms of a judgement method for a candidate with this aim."""
        own_margin = aim.kind == REFRESH and method > judgement_methods.FOURTH
        return cls(
            share_slice_level=method > judgement_methods.FIRST,
            margin=aim.margin,
            guards_at_level=method > judgement_methods.SECOND,
            margin_tests=method > judgement_methods.THIRD,
            largest_guard_margin=policy.refresh_guard_margin if own_margin else None,
            likely_losses=method > judgement_methods.SIXTH,
            calibration=aim.kind == RECALIBRATION,
        )


def compare(
    labels: ArrayLike,
    champion_proba: ArrayLike,
    candidate_proba: ArrayLike,
    *,
    slices: Mapping[str, NDArray[np.bool_]] | None = None,
    policy: GatePolicy,
    level: float | None = None,
    terms: Terms | None = None,
) -> Comparison:
    """Compare two models on the same rows; equal input and policy give equal bytes.

    labels: (n,) in 0..2; probabilities: (n, 3) in the order of LABELS; slices: name -> mask (n,); level: the
    significance level of the look, the first look's of `alpha_spending` when None. Raises BadInput for malformed
    arrays.
    """
    y, old = validate_predictions(labels, champion_proba)
    y, new = validate_predictions(y, candidate_proba)
    terms = terms or Terms()
    spent = alpha_spending.significance_level(0, policy) if level is None else level
    cube = paired_counts.count_pairs(y, old.argmax(axis=1), new.argmax(axis=1))
    resampled = paired_counts.bootstrap_counts(
        cube, policy.bootstrap_rounds, paired_counts.random_generator(policy.seed, "holdout")
    )
    main = estimate_difference(
        cube,
        policy.main_metric,
        resampled=resampled,
        level=spent,
        test_rounds=policy.bootstrap_rounds,
        rng=paired_counts.random_generator(policy.seed, "swap"),
        margin=terms.margin,
    )
    guard_level = spent if terms.guards_at_level else policy.guard_level
    guards = tuple(
        estimate_difference(cube, name, resampled=resampled, level=guard_level)
        for name in policy.guard_metrics
        if name != policy.main_metric
    )
    row_deviation = main.row_deviation
    if terms.margin_tests:
        largest = terms.largest_guard_margin
        if largest is not None:
            guards = tuple(replace(one, margin=_decidable_margin(cube, one, largest, policy)) for one in guards)
        margins = [policy.non_inferiority if one.margin is None else one.margin for one in guards]
        guards = tuple(_test_margin(cube, *tested, policy) for tested in zip(guards, margins, strict=True))
        tested = _test_margin(cube, main, terms.margin, policy)
        main, row_deviation = replace(main, p_value=tested.p_value), tested.row_deviation
    if terms.likely_losses and terms.margin < 1:
        main = _test_likely_losses(cube, main, terms.margin, policy)
    predicted = cube.sum(axis=(0, 1)) / y.size
    masks = {name: _slice_mask(name, mask, y) for name, mask in sorted((slices or {}).items())}
    judged = sum(_has_enough_rows(y[mask], policy) for mask in masks.values())
    slice_level = policy.guard_level / max(judged, 1) if terms.share_slice_level else policy.guard_level
    needed = {"observed": main.difference, **{f"+{round(gain * 100)} points": gain for gain in GAINS}}
    return Comparison(
        rows=int(y.size),
        label_counts={str(label): int(n) for label, n in zip(LABELS, cube.sum(axis=(1, 2)), strict=True)},
        predicted_share={str(label): float(share) for label, share in zip(LABELS, predicted, strict=True)},
        champion=classification_metrics(y, old),
        candidate=classification_metrics(y, new),
        calibration_noise=calibration_noise(new),
        level=spent,
        main=main,
        guards=guards,
        mcnemar=mcnemar(cube),
        slices=tuple(
            _slice(name, y[mask], old[mask].argmax(axis=1), new[mask].argmax(axis=1), policy, slice_level)
            for name, mask in masks.items()
        ),
        labels_needed={
            name: labels_needed(gain + terms.margin, row_deviation, level=spent) for name, gain in needed.items()
        },
        cells=cube.tolist(),
        calibration=measure_calibration_gain(
            y,
            old,
            new,
            level=spent,
            rounds=policy.bootstrap_rounds,
            rng=paired_counts.random_generator(policy.seed, "calibration"),
        )
        if terms.calibration
        else None,
    )


def _decidable_margin(cube: Ints, guard: Difference, largest: float, policy: GatePolicy) -> float:
    """Loss, in tenths of a point, that an equal candidate rules out in 4 of 5 cases; `non_inferiority` to `largest`.

    It depends on how many rows differ, not on which of the two models is right on them.
    """
    deviation = max(guard.row_deviation, losing_deviation(cube, guard.metric, largest) or 0.0)
    loss = detectable_loss(int(cube.sum()), deviation, level=guard.level)
    return min(max(math.ceil(1000 * loss) / 1000, policy.non_inferiority), largest)


def _test_margin(cube: Ints, difference: Difference, margin: float, policy: GatePolicy) -> Difference:
    """The difference with the p-value of a loss of the margin, and the deviation of a row under it where it is larger.

    Without a margin it is as it was, and with one of the whole range of a metric, which none can lose.
    """
    if not 0 < margin < 1:
        return difference
    rng = paired_counts.random_generator(policy.seed, f"margin {difference.metric}")
    found = margin_test(cube, difference.metric, margin=margin, rounds=policy.bootstrap_rounds, rng=rng)
    deviation = max(difference.row_deviation, found.row_deviation or 0.0)
    return replace(difference, p_value=found.p_value, row_deviation=deviation)


def _test_likely_losses(cube: Ints, main: Difference, margin: float, policy: GatePolicy) -> Difference:
    """The difference with the larger of its p-value and that under the likeliest null with the loss of the margin."""
    rng = paired_counts.random_generator(policy.seed, f"likely {main.metric}")
    found = likely_p_value(cube, main.metric, margin=margin, rounds=policy.bootstrap_rounds, rng=rng)
    return replace(main, p_value=max(found, main.p_value or 0.0))


def _slice_mask(name: str, mask: NDArray[np.bool_], y: Ints) -> NDArray[np.bool_]:
    mask = np.asarray(mask)
    if mask.shape != y.shape or mask.dtype != np.bool_:
        raise BadInput(
            what=f"slice {name}", problem=f"a mask of {y.size} booleans is needed, got {mask.shape} {mask.dtype}"
        )
    return mask


def _has_enough_rows(y: Ints, policy: GatePolicy) -> bool:
    # F1 of a class with few rows is noise: the slice needs enough rows of the class that its metric measures
    scarce = int((y == 0).sum()) if policy.main_metric == "negative_f1" else y.size
    return y.size >= policy.minimum_slice_rows and scarce >= policy.minimum_slice_rows / CLASSES


def _slice(name: str, y: Ints, old: Ints, new: Ints, policy: GatePolicy, level: float) -> SliceComparison:
    cube = paired_counts.count_pairs(y, old, new)
    difference = None
    if _has_enough_rows(y, policy):
        resampled = paired_counts.bootstrap_counts(
            cube, policy.bootstrap_rounds, paired_counts.random_generator(policy.seed, f"slice {name}")
        )
        difference = estimate_difference(cube, policy.main_metric, resampled=resampled, level=level)
    return SliceComparison(name=name, rows=int(y.size), negatives=int(cube[0].sum()), difference=difference)
