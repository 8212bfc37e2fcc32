"""Quality of one version on one day: the record from which the table `quality_days` is derived."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True)
class QualityDay:
    """One version on one day (UTC); bounds are those of 95 % intervals.

    Macro-F1: `estimated` from all predictions without labels, `measured` on the weighted audit sample, and `powered`
    from both by prediction-powered inference. `accuracy` is prediction-powered. Figures that need labels are None when
    there are too few.
    """

    day: date
    model_version: int
    #: predictions in the day's random sample
    rows: int
    estimated: float
    estimated_low: float
    estimated_high: float
    #: labelled tweets of the audit sample that the version was not trained on
    labelled: int
    measured: float | None = None
    measured_low: float | None = None
    measured_high: float | None = None
    powered: float | None = None
    powered_low: float | None = None
    powered_high: float | None = None
    accuracy: float | None = None
    accuracy_low: float | None = None
    accuracy_high: float | None = None
