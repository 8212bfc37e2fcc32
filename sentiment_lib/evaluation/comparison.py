"""Candidate and champion on the same rows: figures, paired differences, slices, and what a decision would need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation import alpha_spending
from sentiment_lib.evaluation.sample_size import labels_needed
from sentiment_lib.evaluation.significance import Difference, mcnemar, measure
from sentiment_lib.policy import GatePolicy
from sentiment_lib.records import LABELS
from sentiment_lib.statistics import paired_counts
from sentiment_lib.statistics.metrics import CLASSES, Ints, calibration_noise, checked, figures

#: Gains for which the report says how many labels they would need.
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
    """Everything the gate looks at, and nothing that cannot be recomputed from rows, models and policy."""

    rows: int
    label_counts: dict[str, int]
    #: share of the rows that the candidate gives each class
    predicted_share: dict[str, float]
    champion: dict[str, float]
    candidate: dict[str, float]
    #: the calibration error that a perfect candidate would show at this size
    calibration_noise: float
    #: chance of a wrong promotion that this look spends
    level: float
    main: Difference
    guards: tuple[Difference, ...]
    mcnemar: dict[str, float | int]
    slices: tuple[SliceComparison, ...]
    #: "observed" and "+1 points", "+2 points", "+3 points" -> rows for 80 % power at this level
    labels_needed: dict[str, int | None]
    #: label x champion's class x candidate's class, in the order of LABELS
    cells: list[list[list[int]]]

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
            }
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON types only; the keys are part of the hashed evidence."""
        return asdict(self)


def compare(
    labels: Any,
    champion_proba: Any,
    candidate_proba: Any,
    *,
    slices: Mapping[str, NDArray[np.bool_]] | None = None,
    policy: GatePolicy,
    level: float | None = None,
) -> Comparison:
    """Compare two models on the same rows; the same input and policy give the same bytes.

    labels: (n,) in 0..2; probabilities: (n, 3) in the order of LABELS; slices: name -> mask (n,).
    level: what budget.level gives for this look; the first look's when None. Raises BadInput.
    """
    y, old = checked(labels, champion_proba)
    y, new = checked(y, candidate_proba)
    spent = alpha_spending.level(0, policy) if level is None else level
    cube = paired_counts.cells(y, old.argmax(axis=1), new.argmax(axis=1))
    drawn = paired_counts.resampled(cube, policy.bootstrap_rounds, paired_counts.generator(policy.seed, "holdout"))
    main = measure(
        cube,
        policy.main_metric,
        drawn=drawn,
        level=spent,
        test_rounds=policy.bootstrap_rounds,
        rng=paired_counts.generator(policy.seed, "swap"),
    )
    guards = tuple(
        measure(cube, name, drawn=drawn, level=policy.guard_level)
        for name in policy.guard_metrics
        if name != policy.main_metric
    )
    predicted = cube.sum(axis=(0, 1)) / y.size
    needed = {"observed": main.difference, **{f"+{round(gain * 100)} points": gain for gain in GAINS}}
    return Comparison(
        rows=int(y.size),
        label_counts={str(label): int(n) for label, n in zip(LABELS, cube.sum(axis=(1, 2)), strict=True)},
        predicted_share={str(label): float(share) for label, share in zip(LABELS, predicted, strict=True)},
        champion=figures(y, old),
        candidate=figures(y, new),
        calibration_noise=calibration_noise(new),
        level=spent,
        main=main,
        guards=guards,
        mcnemar=mcnemar(cube),
        slices=tuple(
            _slice(name, np.asarray(mask), y, old.argmax(axis=1), new.argmax(axis=1), policy)
            for name, mask in sorted((slices or {}).items())
        ),
        labels_needed={name: labels_needed(gain, main.row_deviation, level=spent) for name, gain in needed.items()},
        cells=cube.tolist(),
    )


def _slice(name: str, mask: NDArray[Any], y: Ints, old: Ints, new: Ints, policy: GatePolicy) -> SliceComparison:
    if mask.shape != y.shape or mask.dtype != np.bool_:
        raise BadInput(
            what=f"slice {name}", problem=f"a mask of {y.size} booleans is needed, got {mask.shape} {mask.dtype}"
        )
    cube = paired_counts.cells(y[mask], old[mask], new[mask])
    rows, per_class = int(mask.sum()), cube.sum(axis=(1, 2))
    # F1 of a class that is hardly there is noise: the slice needs rows of the classes that its metric is about
    scarce = per_class[0] if policy.main_metric == "negative_f1" else rows
    found = None
    if rows >= policy.minimum_slice_rows and scarce >= policy.minimum_slice_rows / CLASSES:
        drawn = paired_counts.resampled(
            cube, policy.bootstrap_rounds, paired_counts.generator(policy.seed, f"slice {name}")
        )
        found = measure(cube, policy.main_metric, drawn=drawn, level=policy.guard_level)
    return SliceComparison(name=name, rows=rows, negatives=int(per_class[0]), difference=found)
