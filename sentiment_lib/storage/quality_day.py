"""Quality of one version on one day: the record from which the table `quality_days` is derived."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True)
class QualityDay:
    """One version on one day (UTC), with bounds where there are any.

    Macro-F1: `estimated` from all predictions without labels, `measured` on the weighted audit sample, and `powered`
    from both by prediction-powered inference. `accuracy` is prediction-powered. Figures that need labels are None when
    there are too few.

    Bounds of `estimated` are a model-based range, and None without a calibration on labels of this stream. Those of the
    other figures claim what `basis` says: "interval" is 95 % coverage, "range" at least that over all that is unknown
    (skipped tweets, annotators' errors), "too_few" has none for macro-F1. None: computed by an earlier method.
    """

    day: date
    model_version: int
    #: predictions in the day's random sample
    rows: int
    estimated: float
    estimated_low: float | None = None
    estimated_high: float | None = None
    #: tweets of the audit sample with an acting label that the version was not trained on
    labelled: int
    #: tweets of the audit sample without an acting label that people skipped, or on which two disagree
    skipped: int = 0
    #: tweets of the audit sample that two people labelled, over all days: they give the annotators' error rates
    labelled_twice: int = 0
    basis: str | None = None
    measured: float | None = None
    measured_low: float | None = None
    measured_high: float | None = None
    powered: float | None = None
    powered_low: float | None = None
    powered_high: float | None = None
    accuracy: float | None = None
    accuracy_low: float | None = None
    accuracy_high: float | None = None
    #: root-mean-square calibration error over this day and the reference days before it
    calibration_error: float | None = None
    calibration_error_low: float | None = None
    calibration_error_high: float | None = None
    #: mean confidence minus accuracy
    overconfidence: float | None = None
    overconfidence_low: float | None = None
    overconfidence_high: float | None = None
    #: labels behind the calibration error
    calibration_labels: int = 0
    #: what the bounds of calibration error and overconfidence claim, as `basis`; None without them
    calibration_basis: str | None = None
